import { delay } from "../../abort.ts";
import {
  AuthenticationError,
  type ErrorCode,
  RForwardError,
} from "../../errors.ts";
import { connect } from "../../ssh/connect.ts";
import type { SshConnection } from "../../ssh/connection.ts";
import { Backoff } from "./backoff.ts";
import type {
  SupervisorEvent,
  SupervisorOptions,
} from "./supervisor_options.ts";

/** A connection that lasted this long, in milliseconds, resets the backoff. */
const GOOD_MS = 10_000;

/** Why no attempt is made, and until when. */
export interface Wait {
  error: RForwardError;
  until: Date;
}

/** Connects, as often as it takes, and waits longer after each failure. */
export class Reconnector {
  readonly #options: SupervisorOptions;
  readonly #signal: AbortSignal;
  readonly #emit: (event: SupervisorEvent) => void;
  readonly #backoff: Backoff;
  /** What to wait for before the next attempt. */
  #failure: RForwardError | undefined;
  #connectedAt: number | undefined;
  #wait: Wait | undefined;
  /** Cuts a wait short. */
  #wake = new AbortController();

  /**
   * @param signal Ends it.
   * @param emit Called with each attempt and each wait.
   */
  constructor(
    options: SupervisorOptions,
    signal: AbortSignal,
    emit: (event: SupervisorEvent) => void,
  ) {
    this.#options = options;
    this.#signal = signal;
    this.#emit = emit;
    this.#backoff = new Backoff(options.connectRetry);
  }

  /** What it waits for, if it does. */
  get wait(): Wait | undefined {
    return this.#wait;
  }

  /**
   * Connects. After a failure it waits first.
   *
   * @throws a permanent error, or the signal's reason.
   */
  async connect(): Promise<SshConnection> {
    const { maxAttempts = Infinity } = this.#options;
    for (let attempt = 1;; attempt++) {
      if (this.#failure) await this.#rest(this.#failure);
      this.#signal.throwIfAborted();
      this.#emit({ type: "connecting", attempt });
      try {
        const connection = await this.#dial();
        this.#failure = undefined;
        this.#connectedAt = performance.now();
        return connection;
      } catch (error) {
        this.#signal.throwIfAborted();
        const isReconnect = this.#connectedAt !== undefined;
        if (!canHeal(error, isReconnect) || attempt >= maxAttempts) throw error;
        if (this.#backoff.isOver) throw error;
        this.#failure = error;
      }
    }
  }

  /** The connection was lost. */
  lost(error: RForwardError): void {
    const lasted = performance.now() - (this.#connectedAt ?? 0);
    if (lasted >= GOOD_MS) this.#backoff.reset();
    this.#failure = error;
  }

  /** Tries again at once, if it waits. */
  wake(): void {
    this.#wake.abort();
  }

  async #dial(): Promise<SshConnection> {
    const { connect: how, logger } = this.#options;
    const signal = this.#signal;
    const connection = typeof how === "function"
      ? await how(signal)
      : await connect({ ...logger && { logger }, ...how, signal });
    if (!signal.aborted) return connection;
    await connection.close();
    throw signal.reason;
  }

  async #rest(error: RForwardError): Promise<void> {
    const ms = this.#backoff.next();
    const until = new Date(Date.now() + ms);
    this.#wait = { error, until };
    const { signal } = this.#wake = new AbortController();
    this.#emit({ type: "waiting", error, ms, until });
    await delay(ms, AbortSignal.any([this.#signal, signal])).catch(
      () => this.#signal.throwIfAborted(),
    );
    this.#wait = undefined;
  }
}

/** Errors that another attempt may not meet again. */
const HEALING: readonly ErrorCode[] = [
  "host-not-found",
  "connect-failed",
  "connect-timeout",
  "protocol-error",
  "connection-lost",
  "connection-closed",
  "channel-refused",
  "channel-closed",
];

/** An agent that let us in before may do so again: it may be locked, or restarting. */
function canHeal(
  error: unknown,
  isReconnect: boolean,
): error is RForwardError {
  return error instanceof RForwardError && HEALING.includes(error.code) ||
    isReconnect && error instanceof AuthenticationError && error.agentFailed;
}
