import { onAbort } from "../../abort.ts";
import type { ForwardedOpen } from "../../ssh/connection.ts";
import { ForwardedConn } from "../tunnel/forwarded_conn.ts";

/** Connections that may wait to be accepted; as many as wait at one of sshd's own ports. */
const BACKLOG = 128;

/**
 * Connections that wait for `accept()`, or calls of `accept()` that wait for
 * connections. A connection is confirmed to the server when it is accepted, not
 * before.
 */
export class AcceptQueue {
  readonly #opens: { open: ForwardedOpen; answered: () => void }[] = [];
  readonly #acceptors: PromiseWithResolvers<ForwardedConn>[] = [];
  readonly #closed = new AbortController();

  /** Aborts when the queue is closed. */
  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  /** Queues a connection; settles when it was accepted or refused. */
  async take(open: ForwardedOpen): Promise<void> {
    if (this.signal.aborted) {
      return open.refuse(
        "administratively-prohibited",
        "the listener is closed",
      );
    }
    const acceptor = this.#acceptors.shift();
    if (acceptor) return acceptor.resolve(accepted(open));
    if (this.#opens.length >= BACKLOG) {
      return open.refuse("resource-shortage", `${BACKLOG} connections wait`);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#opens.push({ open, answered: resolve });
    await promise;
  }

  /**
   * Waits for the next connection.
   *
   * @param signal Ends the wait.
   * @throws the reason of {@linkcode close}, or the signal's.
   */
  async accept(signal?: AbortSignal): Promise<ForwardedConn> {
    this.signal.throwIfAborted();
    signal?.throwIfAborted();
    const waiting = this.#opens.shift();
    if (waiting) {
      const conn = accepted(waiting.open);
      waiting.answered();
      return conn;
    }
    const acceptor = Promise.withResolvers<ForwardedConn>();
    this.#acceptors.push(acceptor);
    using _ = onAbort(signal, (reason) => {
      const i = this.#acceptors.indexOf(acceptor);
      if (i === -1) return; // a connection was handed to it just before
      this.#acceptors.splice(i, 1);
      acceptor.reject(reason);
    });
    return await acceptor.promise;
  }

  /** Accepts until it is closed; throws the reason, unless that is `BadResource`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ForwardedConn, void> {
    while (true) {
      let conn: ForwardedConn;
      try {
        conn = await this.accept();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource) return;
        throw error;
      }
      yield conn;
    }
  }

  /** Refuses connections that wait, and rejects calls of {@linkcode accept}. Calling it again has no effect. */
  close(reason: Error): void {
    if (this.signal.aborted) return;
    this.#closed.abort(reason);
    for (const { open, answered } of this.#opens.splice(0)) {
      open.refuse("administratively-prohibited", "the listener is closed");
      answered();
    }
    for (const acceptor of this.#acceptors.splice(0)) acceptor.reject(reason);
  }
}

function accepted(open: ForwardedOpen): ForwardedConn {
  return new ForwardedConn(open.confirm(), open);
}
