import type { SshConnection } from "../../ssh/connection.ts";
import { Turns } from "../../turns.ts";
import type { ReadySession } from "../server/session_info.ts";

/** Where a share finds its session. */
export interface SessionAccess {
  /** The connection to the server. */
  readonly connection: SshConnection;
  /** The session's current state; its ports may have changed. */
  readonly session: ReadySession;
}

/**
 * Something of this side that a session's programs can use: sound, a folder, a
 * printer. It is available while the session runs, and again when it is resumed.
 */
export abstract class SessionShare implements AsyncDisposable {
  readonly #turns = new Turns();
  readonly #stopped = Promise.withResolvers<void>();
  #isOpen = false;
  #ended = false;

  /** What the session's programs need in their environment to find it. */
  abstract readonly environment: Readonly<Record<string, string>>;

  /**
   * Makes it available. If that fails, {@linkcode close} cleans up.
   *
   * @ignore
   */
  protected abstract open(access: SessionAccess): Promise<void>;

  /**
   * Releases the session's ports and everything else; does nothing if it is not open.
   *
   * @ignore
   */
  protected abstract close(): Promise<void>;

  /** Settles when it has been stopped. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /**
   * Releases the session's ports: it is suspended. The session calls this.
   *
   * @ignore
   */
  pause(): Promise<void> {
    return this.#turns.take(() => this.#close());
  }

  /**
   * Opens it, unless it is open. The session calls this.
   *
   * @ignore
   */
  resume(access: SessionAccess): Promise<void> {
    return this.#turns.take(async () => {
      if (this.#ended || this.#isOpen) return;
      try {
        await this.open(access);
        this.#isOpen = true;
      } catch (error) {
        await this.#close();
        throw error;
      }
    });
  }

  /** Ends it for good. Idempotent. */
  stop(): Promise<void> {
    this.#ended = true;
    return this.#turns.take(async () => {
      await this.#close();
      this.#stopped.resolve();
    });
  }

  /** Same as {@linkcode stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #close(): Promise<void> {
    this.#isOpen = false;
    await this.close();
  }
}
