import type { SshConnection } from "../../../ssh/connection.ts";

/** Old connections after a hand-over, each until its live connections have ended. */
export class RetiredConnections {
  readonly #all = new Map<SshConnection, Promise<unknown>>();

  /**
   * Closes a connection later.
   *
   * @param drained Settles when it is to be closed.
   * @param session Settles some time after that.
   */
  add(
    connection: SshConnection,
    drained: Promise<unknown>,
    session: Promise<void>,
  ): void {
    const over = Promise.race([drained, connection.closed])
      .then(() => connection.close())
      .then(() => session)
      .finally(() => this.#all.delete(connection));
    this.#all.set(connection, over);
  }

  /** Whether a connection is one of them. */
  has(connection: SshConnection): boolean {
    return this.#all.has(connection);
  }

  /** Closes all of them now. */
  async close(): Promise<void> {
    const all = [...this.#all];
    await Promise.all(all.map(([connection]) => connection.close()));
    await Promise.all(all.map(([, over]) => over));
  }
}
