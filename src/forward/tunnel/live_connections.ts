import { atMost } from "../../abort.ts";
import type { TunnelConnection } from "./tunnel_connection.ts";

/** The connections of a tunnel, each until it is over. */
export class LiveConnections extends Set<TunnelConnection> {
  readonly #coming = new Set<Promise<unknown>>();

  /** Waits in a drain for what may add one: its target is being dialled. */
  expect(coming: Promise<unknown>): void {
    this.#coming.add(coming);
    coming.finally(() => this.#coming.delete(coming)).catch(() => {});
  }

  override add(connection: TunnelConnection): this {
    connection.closed.then(() => this.delete(connection));
    return super.add(connection);
  }

  /** Settles when all of them have ended, or the time is up. */
  async drained(ms?: number): Promise<void> {
    const ends = this.#ends();
    await (ms === undefined ? ends : atMost(ms, ends));
  }

  async #ends(): Promise<void> {
    await Promise.allSettled(this.#coming);
    await Promise.all([...this].map(({ closed }) => closed));
  }
}
