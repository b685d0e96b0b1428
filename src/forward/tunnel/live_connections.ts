import type { TunnelConnection } from "./tunnel_connection.ts";

/** The connections of a tunnel, each until it is over. */
export class LiveConnections extends Set<TunnelConnection> {
  override add(connection: TunnelConnection): this {
    connection.closed.then(() => this.delete(connection));
    return super.add(connection);
  }

  /** Settles when all of them have ended, or the time is up. */
  async drained(ms?: number): Promise<void> {
    const time = Promise.withResolvers<void>();
    const timer = ms === undefined ? undefined : setTimeout(time.resolve, ms);
    const ends = [...this].map((connection) => connection.closed);
    await Promise.race([Promise.all(ends), time.promise]);
    clearTimeout(timer);
  }
}
