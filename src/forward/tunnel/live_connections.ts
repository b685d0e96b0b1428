import { atMost } from "../../abort.ts";
import type { TunnelConnection } from "./tunnel_connection.ts";

/** The connections of a tunnel, each until it is over. */
export class LiveConnections extends Set<TunnelConnection> {
  override add(connection: TunnelConnection): this {
    connection.closed.then(() => this.delete(connection));
    return super.add(connection);
  }

  /** Settles when all of them have ended, or the time is up. */
  async drained(ms?: number): Promise<void> {
    const ends = Promise.all([...this].map(({ closed }) => closed));
    await (ms === undefined ? ends : atMost(ms, ends));
  }
}
