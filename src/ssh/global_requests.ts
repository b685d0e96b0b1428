import { ConnectionLostError, type RForwardError } from "../errors.ts";
import { Turns } from "../turns.ts";

/** What the server answered: SSH_MSG_REQUEST_SUCCESS with its data, or SSH_MSG_REQUEST_FAILURE. */
export interface GlobalReply {
  success: boolean;
  data: Uint8Array | null;
}

/**
 * Global requests (RFC 4254 section 4), one at a time.
 *
 * Their replies carry no number: they are matched by position alone. So a
 * request waits until the one before it is answered, and one that never is
 * ends the connection, as every later reply would go to the wrong request.
 */
export class GlobalRequests {
  readonly #timeoutMs: number;
  readonly #fail: (error: ConnectionLostError) => void;
  readonly #turns = new Turns();
  #waiting: PromiseWithResolvers<GlobalReply> | undefined;
  #ended: RForwardError | undefined;

  /**
   * @param timeoutMs How long the server may take to answer, in milliseconds.
   * @param fail Ends the connection.
   */
  constructor(timeoutMs: number, fail: (error: ConnectionLostError) => void) {
    this.#timeoutMs = timeoutMs;
    this.#fail = fail;
  }

  /**
   * Sends a request once the ones before it are answered.
   *
   * @param name Its name, for the error.
   * @param send Sends it, with a reply wanted.
   */
  request(name: string, send: () => void): Promise<GlobalReply> {
    return this.#turns.take(async () => {
      const timer = setTimeout(() => this.#unanswered(name), this.#timeoutMs);
      try {
        return await this.#ask(send);
      } finally {
        clearTimeout(timer);
      }
    });
  }

  /**
   * Makes the server answer something, for the sake of the answer. A request
   * that waits for its reply already does as well. The keepalive, which asks
   * for this, has a time limit of its own.
   */
  ping(send: () => void): void {
    if (!this.#waiting) this.#turns.take(() => this.#ask(send)).catch(() => {});
  }

  /** A reply came in. One that nobody waits for is ignored. */
  onReply(success: boolean, data: Uint8Array | null): void {
    this.#waiting?.resolve({ success, data });
  }

  /** The connection is gone. */
  onConnectionEnd(error: RForwardError): void {
    this.#ended = error;
    this.#waiting?.reject(error);
  }

  async #ask(send: () => void): Promise<GlobalReply> {
    if (this.#ended) throw this.#ended;
    this.#waiting = Promise.withResolvers();
    try {
      send();
      return await this.#waiting.promise;
    } finally {
      this.#waiting = undefined;
    }
  }

  #unanswered(name: string): void {
    this.#fail(
      new ConnectionLostError(
        `the server did not answer ${name} within ${this.#timeoutMs} ms; the connection was closed, as later answers could not be told apart`,
      ),
    );
  }
}
