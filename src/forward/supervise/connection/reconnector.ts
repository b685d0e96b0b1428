import { orAborted } from "../../../abort.ts";
import {
  AuthenticationError,
  type ErrorCode,
  RForwardError,
} from "../../../errors.ts";
import type { SshConnection } from "../../../ssh/connection.ts";
import { asRForwardError } from "../as_rforward_error.ts";
import { Backoff } from "../backoff.ts";
import { watchNetwork } from "./network_watch.ts";
import { Servers } from "./servers.ts";
import { Sleeper } from "../sleeper.ts";
import type {
  SupervisorEvent,
  SupervisorOptions,
} from "../supervisor_options.ts";

/** A connection that lasted this long, in milliseconds, resets the backoff. */
const GOOD_MS = 10_000;

/** Why no attempt is made, and until when. */
export interface Wait {
  error: RForwardError;
  until: Date;
}

/** The connections through the tunnels. */
export interface Traffic {
  /** Whether no connection is live. */
  readonly isIdle: boolean;
  /** Settles once no connection is live. */
  idle(): Promise<void>;
}

/** Connects, as often as it takes, to one server or another, and waits longer after each failure. */
export class Reconnector {
  readonly #options: SupervisorOptions;
  readonly #signal: AbortSignal;
  readonly #emit: (event: SupervisorEvent) => void;
  readonly #backoff: Backoff;
  readonly #servers: Servers;
  readonly #sleeper = new Sleeper();
  /** What to wait for before the next attempt. */
  #failure: RForwardError | undefined;
  #connectedAt: number | undefined;
  #wait: Wait | undefined;

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
    this.#servers = new Servers(options);
  }

  /** What it waits for, if it does. */
  get wait(): Wait | undefined {
    return this.#wait;
  }

  /**
   * Connects. After a failure it waits first, unless another server is next.
   *
   * @throws a permanent error, or the signal's reason.
   */
  async connect(): Promise<SshConnection> {
    const { maxAttempts = Infinity } = this.#options;
    const servers = this.#servers;
    for (let attempt = 1;; attempt++) {
      if (this.#failure) await this.#rest(this.#failure);
      this.#signal.throwIfAborted();
      this.#emit({ type: "connecting", attempt });
      try {
        const connection = await servers.dial(this.#signal);
        this.#connected();
        return connection;
      } catch (error) {
        this.#signal.throwIfAborted();
        servers.fail();
        const isReconnect = this.#connectedAt !== undefined;
        const isPermanent = !canHeal(error, isReconnect);
        if (isPermanent) servers.ruleOut(error);
        else if (this.#backoff.isOver) throw error;
        else this.#failure = error;
        if (
          isPermanent || attempt >= maxAttempts || servers.patienceMs === 0
        ) {
          this.#moveOn(error, attempt >= maxAttempts);
          attempt = 0;
        }
      }
    }
  }

  /**
   * Connects to the first server again, once that is back, while another one
   * is in use.
   *
   * @param signal Ends it.
   * @param traffic What may hold up the return.
   * @returns undefined if the signal aborts first, or there is nothing to return to.
   */
  async returnToFirst(
    signal: AbortSignal,
    traffic: Traffic,
  ): Promise<SshConnection | undefined> {
    const servers = this.#servers;
    const from = servers.current;
    while (servers.returns) {
      try {
        await this.#sleeper.sleep(servers.returnEveryMs, signal);
        if (servers.waitsForIdle) await orAborted(traffic.idle(), signal);
        const connection = await servers.dial(signal, 0);
        // Perhaps a program has connected in the meantime.
        if (servers.waitsForIdle && !traffic.isIdle) {
          await connection.close();
          continue;
        }
        if (this.#lasted >= GOOD_MS) this.#backoff.reset();
        servers.return();
        this.#connected();
        this.#emit({ type: "switching", from, to: 0 });
        return connection;
      } catch (error) {
        if (signal.aborted) return undefined;
        if (canHeal(error, true)) continue;
        servers.ruleOut(error, 0);
        this.#options.logger?.warn(
          `the first server is not tried again: ${
            asRForwardError(error).message
          }`,
        );
      }
    }
    return undefined;
  }

  /**
   * Connects once more to the server that it is with.
   *
   * @throws what went wrong; it is not tried again.
   */
  async again(signal: AbortSignal): Promise<SshConnection> {
    this.#emit({ type: "connecting", attempt: 1 });
    return await this.#servers.dial(AbortSignal.any([signal, this.#signal]));
  }

  /** The connection was lost. */
  lost(error: RForwardError): void {
    const isGood = this.#lasted >= GOOD_MS;
    if (isGood) this.#backoff.reset();
    if (this.#servers.lost(this.#lasted, isGood)) this.#moveOn(error, false);
    // Servers that do not stay are not tried without a wait in between.
    this.#failure = error;
  }

  /** Tries again at once, if it waits. */
  wake(): void {
    this.#sleeper.wake();
  }

  /** How long the connection has lasted, in milliseconds. */
  get #lasted(): number {
    return performance.now() - (this.#connectedAt ?? 0);
  }

  #connected(): void {
    this.#servers.use();
    this.#failure = undefined;
    this.#connectedAt = performance.now();
  }

  /** It is the next server's turn, at once unless all of them have failed. */
  #moveOn(error: unknown, isLast: boolean): void {
    const servers = this.#servers;
    const from = servers.current;
    servers.next();
    if (servers.allFailed) {
      if (isLast) throw error;
    } else this.#failure = undefined;
    const { current: to } = servers;
    if (to === from) return;
    this.#emit({ type: "switching", from, to, error: asRForwardError(error) });
  }

  async #rest(error: RForwardError): Promise<void> {
    const { patienceMs } = this.#servers;
    const ms = Math.ceil(
      Math.min(this.#backoff.next(), patienceMs || Infinity),
    );
    const until = new Date(Date.now() + ms);
    this.#wait = { error, until };
    this.#emit({ type: "waiting", error, ms, until });
    using _watch = watchNetwork(() => {
      this.#emit({ type: "network-changed" });
      this.wake();
    });
    await this.#sleeper.sleep(ms, this.#signal);
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

/** An agent with which a login succeeded before may work again: it may be locked, or restarting. */
function canHeal(
  error: unknown,
  isReconnect: boolean,
): error is RForwardError {
  return error instanceof RForwardError && HEALING.includes(error.code) ||
    isReconnect && error instanceof AuthenticationError && error.agentFailed;
}
