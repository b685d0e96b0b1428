import { defined } from "../../../defined.ts";
import type { TargetError } from "../../../errors.ts";
import { LiveConnections } from "../../tunnel/live_connections.ts";
import type { TunnelConnection } from "../../tunnel/tunnel_connection.ts";
import type { SupervisedTunnelSnapshot } from "../supervisor_options.ts";

/** Counts what goes through a tunnel, over all its SSH connections. */
export class TunnelTotals {
  readonly #live = new LiveConnections();
  #total = 0;
  #failed = 0;
  #targetError: TargetError | undefined;
  /** Bytes of those that are over. */
  #bytesToTarget = 0;
  #bytesToServer = 0;

  /** Counts a connection that the target took. */
  add(connection: TunnelConnection): void {
    this.#total++;
    this.#targetError = undefined;
    this.#live.add(connection);
    connection.closed.then(() => {
      this.#bytesToTarget += connection.bytesToTarget;
      this.#bytesToServer += connection.bytesToServer;
    });
  }

  /**
   * Counts a connection that the target did not take.
   *
   * @returns how many there were so far.
   */
  fail(error: TargetError): number {
    this.#targetError = error;
    return ++this.#failed;
  }

  /** Settles once those are over that are live now. */
  drained(): Promise<void> {
    return this.#live.drained();
  }

  /** The figures as they are now. */
  get now(): Pick<
    SupervisedTunnelSnapshot,
    | "live"
    | "total"
    | "failed"
    | "targetError"
    | "bytesToTarget"
    | "bytesToServer"
  > {
    let bytesToTarget = this.#bytesToTarget;
    let bytesToServer = this.#bytesToServer;
    for (const connection of this.#live) {
      bytesToTarget += connection.bytesToTarget;
      bytesToServer += connection.bytesToServer;
    }
    return defined({
      live: this.#live.size,
      total: this.#total,
      failed: this.#failed,
      targetError: this.#targetError,
      bytesToTarget,
      bytesToServer,
    });
  }
}
