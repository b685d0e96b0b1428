import { delay } from "../../abort.ts";
import { ForwardDeniedError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import { formatBind, isTcp } from "../../ssh/bind.ts";
import type {
  Bind,
  ForwardedOpenTaker,
  SshConnection,
} from "../../ssh/connection.ts";
import { PortDispatcher } from "./dispatcher.ts";
import type { Registration } from "./registration.ts";
import type { RetryOptions } from "./retry_options.ts";
import { removeStaleSocket } from "./stale_socket.ts";

/** Options of {@linkcode Binding.open}. */
export interface BindingOptions {
  /** What is asked of the server. */
  bind: Bind;
  /** Takes the connections that come in. */
  take: ForwardedOpenTaker;
  /** Called when the bind was released by a `cancelForward()` from elsewhere. */
  onCancelled: () => void;
  /** How to ask again; see `TunnelOptions.bindRetry`. */
  retry?: RetryOptions | undefined;
  /** Removes a Unix socket that is in the way, if nothing listens on it. */
  unlinkStale: boolean;
  /** Aborts the attempt. */
  signal: AbortSignal;
  logger: Logger;
}

/** A bind that the server holds for us, from its answer until it is released. */
export class Binding {
  readonly #connection: SshConnection;
  readonly #options: BindingOptions;
  readonly #registration: Registration;
  #releasing = false;
  #cancelled = false;

  private constructor(connection: SshConnection, options: BindingOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#registration = PortDispatcher.of(connection).register(
      options.bind,
      options.take,
      () => this.#onCancelled(),
    );
  }

  /**
   * Asks the server to listen, and again after a while if it denies that: the
   * port may still be held by a session that is about to end.
   *
   * @throws {ForwardDeniedError} if it keeps denying it.
   */
  static async open(
    connection: SshConnection,
    options: BindingOptions,
  ): Promise<Binding> {
    const { signal, logger } = options;
    const binding = new Binding(connection, options);
    try {
      const bound = await ask(connection, options);
      binding.#registration.confirm(bound);
      if (signal.aborted) {
        await binding.release();
        throw signal.reason;
      }
      logger.info(`the server listens on ${formatBind(bound)}`);
      return binding;
    } catch (error) {
      binding.abandon();
      throw error;
    }
  }

  /** Where the server listens. */
  get bound(): Bind {
    return this.#registration.bound;
  }

  /** Whether it was released by a `cancelForward()` from elsewhere. */
  get cancelled(): boolean {
    return this.#cancelled;
  }

  /**
   * Asks the server to stop listening.
   *
   * @returns whether it did. If not, the binding stays: the server continues to
   * open connections for it.
   */
  async release(): Promise<boolean> {
    if (this.#cancelled || this.#connection.signal.aborted) {
      this.abandon();
      return true;
    }
    this.#releasing = true;
    const released = await this.#connection.cancelForward(this.bound)
      // A connection that has ended holds nothing.
      .catch(() => true) || this.#cancelled;
    this.#releasing = false;
    const { logger } = this.#options;
    if (released) {
      this.abandon();
      logger.info(`the server released ${formatBind(this.bound)}`);
    } else {
      logger.warn(
        `the server would not release ${
          formatBind(this.bound)
        }; connections to it are refused, and the port is free when the SSH connection ends`,
      );
    }
    return released;
  }

  /** Takes no further connections, whatever the server does. */
  abandon(): void {
    this.#registration.remove();
  }

  #onCancelled(): void {
    this.#cancelled = true;
    if (this.#releasing) return;
    this.#options.logger.info(
      `${formatBind(this.bound)} was cancelled; the server released it`,
    );
    this.#options.onCancelled();
  }
}

async function ask(
  connection: SshConnection,
  options: BindingOptions,
): Promise<Bind> {
  const { bind, retry, signal, logger } = options;
  const { firstMs = 1000, maxMs = 5000, forMs = firstMs } = retry ?? {};
  const end = AbortSignal.any([signal, connection.signal]);
  let { unlinkStale } = options;
  let waited = 0;
  for (let ms = firstMs;; ms = Math.min(Math.max(2 * ms, 1), maxMs)) {
    try {
      return await connection.requestForward(bind, { signal: end });
    } catch (error) {
      if (!(error instanceof ForwardDeniedError)) throw error;
      if (unlinkStale && !isTcp(bind)) {
        unlinkStale = false;
        if (await removeStaleSocket(connection, bind.path, end)) {
          logger.warn(`removed the stale socket ${bind.path} on the server`);
          continue;
        }
      }
      if (forMs === 0 || waited + ms > forMs) throw error;
    }
    logger.info(`${formatBind(bind)} was denied; asking again in ${ms} ms`);
    await delay(ms, end);
    waited += ms;
  }
}
