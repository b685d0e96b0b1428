/** More than log in at once in practice. */
const MAX_PENDING = 64;

/**
 * Connections whose clients have not logged in yet. Every user of the server can
 * open any number of them, so their number is bounded: one more, and the oldest
 * is closed. A legitimate client logs in at once, so it gets through
 * where refusing the newest would keep it out.
 */
export class PendingLogins {
  /** Oldest first. */
  readonly #connections = new Set<{ close(): void }>();

  add(connection: { close(): void }): void {
    if (this.#connections.size >= MAX_PENDING) {
      const [oldest] = this.#connections;
      this.#connections.delete(oldest!);
      oldest!.close();
    }
    this.#connections.add(connection);
  }

  /** Removes a connection: its client has logged in, or it is closed. */
  delete(connection: { close(): void }): void {
    this.#connections.delete(connection);
  }
}
