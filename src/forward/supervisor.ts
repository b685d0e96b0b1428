import { delay } from "../delay.ts";
import {
  ConnectionLostError,
  type ErrorCode,
  RForwardError,
} from "../errors.ts";
import { type Logger, silentLogger } from "../logger.ts";
import { connect } from "../ssh/connect.ts";
import type { CloseReason, SshConnection } from "../ssh/connection.ts";
import { checkMs } from "../validate.ts";
import { Backoff } from "./backoff.ts";
import { toBind } from "./bind_options.ts";
import { watchClock } from "./clock_watch.ts";
import { KeptTunnel } from "./kept_tunnel.ts";
import type {
  SupervisedTunnel,
  SupervisorEvent,
  SupervisorOptions,
  SupervisorSnapshot,
  SupervisorState,
} from "./supervisor_options.ts";

/** A connection that lasted so long, in milliseconds, was a good one: waits begin anew. */
const GOOD_MS = 10_000;

/** How long the server may take to release the ports in the end, in milliseconds. */
const RELEASE_MS = 2000;

/** How long the server may take to answer after this machine slept, in milliseconds. */
const AFTER_SLEEP_MS = 5000;

/**
 * Keeps tunnels up over a connection that comes and goes: connects again after
 * any loss, binds every tunnel anew, looks who really answers there, and waits
 * for ports that somebody else holds, which may be our own last session.
 *
 * Made by {@linkcode supervise}. Iterating over it gives a snapshot at first
 * and after each change, until it has stopped; who is slow misses those in
 * between.
 */
export class Supervisor
  implements AsyncDisposable, AsyncIterable<SupervisorSnapshot> {
  /** Settles when all tunnels are up for the first time; rejects if it stops before. */
  readonly ready: Promise<void>;
  /** Settles when it has stopped: `closed` if it was asked to, `lost` with the error if nothing could heal it. */
  readonly closed: Promise<CloseReason>;

  readonly #options: SupervisorOptions;
  readonly #logger: Logger;
  #tunnels: readonly KeptTunnel[] = [];
  readonly #backoff: Backoff;
  readonly #ready = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<CloseReason>();
  readonly #life = new AbortController();
  /** Cuts a wait short. */
  #wake = new AbortController();
  #change = Promise.withResolvers<void>();
  #changes = 0;
  #connection: SshConnection | undefined;
  /** Tunnels that have had a first answer on this connection. */
  #answered = new Set<KeptTunnel>();
  /** What goes on on this connection. */
  #keeping = new Set<Promise<void>>();
  #connections = 0;
  #wasUp = false;
  #state: SupervisorState = "connecting";
  #since = new Date();
  #error: RForwardError | undefined;
  #until: Date | undefined;
  /** Ends the connection because of what cannot heal. */
  #giveUp: (error: RForwardError) => void = () => {};

  /**
   * Starts it.
   *
   * @param options How to connect and what to keep up.
   * @throws {ArgumentError} if they cannot be used.
   */
  constructor(options: SupervisorOptions) {
    checkMs("bindRetryForMs", options.bindRetryForMs);
    if (typeof options.verify === "object") {
      checkMs("verify.everyMs", options.verify.everyMs);
    }
    for (const name of ["backoff", "bindBackoff"] as const) {
      checkMs(`${name}.firstMs`, options[name]?.firstMs);
      checkMs(`${name}.maxMs`, options[name]?.maxMs);
    }
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#backoff = new Backoff(options.backoff);
    this.#tunnels = options.tunnels.map((tunnel, i) => this.#keep(i, tunnel));
    this.ready = this.#ready.promise;
    this.ready.catch(() => {}); // `closed` tells too
    this.closed = this.#closed.promise;
    void this.#run();
  }

  /** The connection, while there is one. */
  get connection(): SshConnection | undefined {
    return this.#connection;
  }

  /** All that can be told now. */
  get snapshot(): SupervisorSnapshot {
    const server = this.#connection?.server;
    return {
      state: this.#state,
      since: this.#since,
      ...(server && { server }),
      reconnects: Math.max(0, this.#connections - 1),
      ...(this.#error && { error: this.#error }),
      ...(this.#until && { until: this.#until }),
      tunnels: this.#tunnels.map((tunnel) => tunnel.snapshot()),
    };
  }

  /** Snapshots: one now, and one after each change. */
  async *[Symbol.asyncIterator](): AsyncGenerator<SupervisorSnapshot> {
    let seen = -1;
    while (true) {
      if (seen === this.#changes) await this.#change.promise;
      seen = this.#changes;
      const { snapshot } = this;
      yield snapshot;
      if (snapshot.state === "stopped") return;
    }
  }

  /**
   * Has other tunnels from now on. Those that it has already, with the same
   * bind and target, go on as if nothing had happened.
   *
   * @param tunnels All that there are to be.
   * @param options `drainMs`: how long live connections of those that go may
   * go on to their own end, in milliseconds; 0 by default.
   * @throws {ArgumentError} if they cannot be used; nothing has changed then.
   */
  async setTunnels(
    tunnels: readonly SupervisedTunnel[],
    { drainMs = 0 }: { drainMs?: number } = {},
  ): Promise<void> {
    checkMs("drainMs", drainMs);
    const before = new Set(this.#tunnels);
    const after = tunnels.map((options, index) => {
      const same = before.values().find((t) => isSame(t.options, options));
      if (same) before.delete(same);
      return same ?? this.#keep(index, options);
    });
    const added = after.filter((tunnel) => !this.#tunnels.includes(tunnel));
    this.#tunnels = after;
    after.forEach((tunnel, index) => tunnel.index = index);
    const gone = [...before].map((tunnel) => tunnel.stop(drainMs));
    const connection = this.#connection;
    if (connection) added.forEach((t) => this.#begin(t, connection));
    this.#update();
    await Promise.all(gone);
  }

  /**
   * Stops it for good: releases the ports and closes the connection.
   *
   * @param options `drainMs`: how long live connections may go on to their own
   * end first, in milliseconds; 0 by default. A second call may cut it short.
   */
  async stop({ drainMs = 0 }: { drainMs?: number } = {}): Promise<void> {
    checkMs("drainMs", drainMs);
    if (this.#connection) await this.#release(drainMs);
    this.#life.abort(
      new RForwardError("tunnel-stopped", "the supervisor was stopped"),
    );
    await this.closed;
  }

  /** Stops it, without a drain. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** So that the ports are free when it has stopped; but a dead network must not hold it up. */
  async #release(drainMs: number): Promise<void> {
    const time = Promise.withResolvers<void>();
    const timer = setTimeout(
      time.resolve,
      Math.min(drainMs + RELEASE_MS, 2 ** 31 - 1),
    );
    await Promise.race([
      Promise.allSettled(this.#tunnels.map((t) => t.stop(drainMs))),
      this.#connection?.closed,
      time.promise,
    ]);
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // so that who made it has it when the first event comes
    const { signal } = this.#life;
    const stopWatching = watchClock((ms) => this.#onSleep(ms));
    const onAbort = () => void this.stop();
    this.#options.signal?.addEventListener("abort", onAbort, { signal });
    if (this.#options.signal?.aborted) onAbort();
    try {
      while (true) {
        const connection = await this.#connect();
        const began = performance.now();
        const error = await this.#serve(connection);
        if (performance.now() - began >= GOOD_MS) this.#backoff.reset();
        await this.#wait(error);
      }
    } catch (error) {
      this.#finish(signal.aborted ? undefined : asOurs(error));
    } finally {
      stopWatching();
      this.#options.signal?.removeEventListener("abort", onAbort);
    }
  }

  /** @throws what cannot heal. */
  async #connect(): Promise<SshConnection> {
    const { signal } = this.#life;
    const { maxAttempts = Infinity } = this.#options;
    for (let attempt = 1;; attempt++) {
      signal.throwIfAborted();
      this.#tell({ type: "connecting", attempt });
      this.#update();
      try {
        return await this.#dial();
      } catch (error) {
        signal.throwIfAborted();
        if (!canHeal(error) || attempt >= maxAttempts) throw error;
        await this.#wait(error);
      }
    }
  }

  async #dial(): Promise<SshConnection> {
    const { signal } = this.#life;
    const { connect: how } = this.#options;
    const connection = typeof how === "function"
      ? await how(signal)
      : await connect({ logger: this.#logger, ...how, signal });
    if (!signal.aborted) return connection;
    await connection.close();
    throw signal.reason;
  }

  /**
   * Keeps the tunnels up until the connection ends.
   *
   * @returns how it ended.
   * @throws what cannot heal, or that it was stopped.
   */
  async #serve(connection: SshConnection): Promise<ConnectionLostError> {
    const given = Promise.withResolvers<never>();
    given.promise.catch(() => {});
    this.#giveUp = given.reject;
    this.#connection = connection;
    this.#connections++;
    this.#answered.clear();
    this.#tell({ type: "connected", server: connection.server });
    this.#welcome(connection);
    const stopped = () => given.reject(this.#life.signal.reason);
    this.#life.signal.addEventListener("abort", stopped);
    if (this.#life.signal.aborted) stopped();
    for (const tunnel of this.#tunnels) this.#begin(tunnel, connection);
    this.#update();
    try {
      const { error } = await Promise.race([connection.closed, given.promise]);
      const lost = error instanceof ConnectionLostError
        ? error
        : new ConnectionLostError("the connection was closed", {
          ...(error && { cause: error }),
        });
      this.#tell({ type: "lost", error: lost });
      return lost;
    } finally {
      this.#life.signal.removeEventListener("abort", stopped);
      this.#giveUp = () => {};
      await connection.close();
      this.#connection = undefined;
      await Promise.all(this.#keeping);
    }
  }

  #keep(index: number, options: SupervisedTunnel): KeptTunnel {
    return new KeptTunnel(index, options, {
      options: this.#options,
      tell: (event) => this.#tell(event),
      changed: () => this.#update(),
    });
  }

  /** Has a tunnel kept up on this connection. */
  #begin(tunnel: KeptTunnel, connection: SshConnection): void {
    const answered = () => {
      this.#answered.add(tunnel);
      this.#update();
    };
    const keeping = tunnel.keep(connection, this.#life.signal, answered)
      .catch((error) => this.#giveUp(asOurs(error)))
      .finally(() => this.#keeping.delete(keeping));
    this.#keeping.add(keeping);
  }

  #welcome(connection: SshConnection): void {
    const failed = (error: unknown) =>
      this.#logger.error("the supervisor's onConnect threw", error);
    try {
      Promise.resolve(this.#options.onConnect?.(connection)).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  async #wait(error: unknown): Promise<void> {
    const ms = this.#backoff.next();
    this.#error = asOurs(error);
    this.#until = new Date(Date.now() + ms);
    const { signal } = this.#wake = new AbortController();
    this.#tell({
      type: "waiting",
      error: this.#error,
      ms,
      until: this.#until,
    });
    this.#update();
    await delay(ms, AbortSignal.any([this.#life.signal, signal])).catch(
      () => this.#life.signal.throwIfAborted(),
    );
    this.#error = this.#until = undefined;
  }

  #onSleep(ms: number): void {
    this.#tell({ type: "slept", ms });
    this.#wake.abort();
    // If it does not answer, it is gone, and that ends it.
    this.#connection?.ping({ timeoutMs: AFTER_SLEEP_MS }).catch(() => {});
  }

  /** Works out the state from what is known, and tells if it is another one. */
  #update(): void {
    if (this.#state === "stopped") return;
    if (this.#connection?.signal.aborted) return; // the loss is told next
    this.#become(this.#judge());
    if (!this.#connection || !this.#allAnswered) return;
    const { allOrNothing } = this.#options;
    const bad = !this.#wasUp && this.#state === "degraded";
    const refused = this.#tunnels.filter((t) => t.state === "refused");
    if (
      (allOrNothing && bad) ||
      (refused.length > 0 && refused.length === this.#tunnels.length)
    ) {
      this.#giveUp(this.#error!);
    }
  }

  get #allAnswered(): boolean {
    return this.#tunnels.every((tunnel) => this.#answered.has(tunnel));
  }

  #judge(): SupervisorState {
    if (!this.#connection) return this.#until ? "waiting" : "connecting";
    if (!this.#allAnswered) {
      const settled = ["up", "degraded"].includes(this.#state);
      return settled ? this.#state : "connecting"; // settled: one was added
    }
    const bad = this.#tunnels.find((tunnel) => tunnel.state !== "up");
    this.#error = bad?.error;
    return bad ? "degraded" : "up";
  }

  #become(state: SupervisorState): void {
    if (state !== this.#state) {
      this.#state = state;
      this.#since = new Date();
      this.#tell({ type: "state", state });
    }
    if (state === "up") {
      this.#wasUp = true;
      this.#ready.resolve();
    }
    this.#changes++;
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  #finish(error: RForwardError | undefined): void {
    this.#error = error;
    this.#until = undefined;
    this.#life.abort(error);
    this.#ready.reject(
      error ??
        new RForwardError("tunnel-stopped", "the supervisor was stopped"),
    );
    this.#tell({ type: "stopped", ...(error && { error }) });
    this.#become("stopped");
    this.#closed.resolve(
      error ? { reason: "lost", error } : { reason: "closed" },
    );
  }

  #tell(event: SupervisorEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch (error) {
      this.#logger.error("the supervisor's onEvent threw", error);
    }
  }
}

/**
 * Keeps tunnels up, whatever happens to the connection.
 *
 * @param options How to connect and what to keep up.
 * @returns the supervisor, which has started.
 * @throws {ArgumentError} if they cannot be used.
 *
 * @example
 * ```ts
 * import { supervise } from "@x2go/rforward";
 * import { startTestServer } from "@x2go/rforward/testing";
 *
 * await using server = await startTestServer();
 * await using supervisor = supervise({
 *   connect: {
 *     host: server.host,
 *     port: server.port,
 *     user: server.user,
 *     password: server.password,
 *     hostKeys: { text: server.knownHosts },
 *   },
 *   tunnels: [{ bind: { port: 0 }, target: { port: 8080 } }],
 * });
 * for await (const { state, tunnels } of supervisor) {
 *   console.log(state, tunnels[0]?.bound);
 *   if (state === "up") break;
 * }
 * ```
 */
export function supervise(options: SupervisorOptions): Supervisor {
  return new Supervisor(options);
}

/** What another attempt may mend. */
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

function canHeal(error: unknown): boolean {
  return error instanceof RForwardError && HEALING.includes(error.code);
}

function asOurs(error: unknown): RForwardError {
  if (error instanceof RForwardError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new RForwardError("connect-failed", message, { cause: error });
}

function isSame(a: SupervisedTunnel, b: SupervisedTunnel): boolean {
  const key = ({ bind, target }: SupervisedTunnel) =>
    JSON.stringify([toBind(bind), target]);
  return key(a) === key(b) &&
    (typeof a.target !== "function" || a.target === b.target);
}
