import { LiveConnections } from "./live_connections.ts";
import type { SupervisedTunnelSnapshot } from "./supervisor_options.ts";
import type { TunnelConnection } from "./tunnel_connection.ts";

/** Counts what goes through a tunnel, over all its SSH connections. */
export class TunnelTotals {
  readonly #live = new LiveConnections();
  #total = 0;
  /** Bytes of those that are over. */
  #bytesToTarget = 0;
  #bytesToServer = 0;

  /** Counts one more. */
  add(connection: TunnelConnection): void {
    this.#total++;
    this.#live.add(connection);
    connection.closed.then(() => {
      this.#bytesToTarget += connection.bytesToTarget;
      this.#bytesToServer += connection.bytesToServer;
    });
  }

  /** The figures as they are now. */
  get now(): Pick<
    SupervisedTunnelSnapshot,
    "live" | "total" | "bytesToTarget" | "bytesToServer"
  > {
    let bytesToTarget = this.#bytesToTarget;
    let bytesToServer = this.#bytesToServer;
    for (const connection of this.#live) {
      bytesToTarget += connection.bytesToTarget;
      bytesToServer += connection.bytesToServer;
    }
    return {
      live: this.#live.size,
      total: this.#total,
      bytesToTarget,
      bytesToServer,
    };
  }
}
