import { callBack } from "../../call_back.ts";
import { defined } from "../../defined.ts";
import { atMost, onAbort, orAborted } from "../../abort.ts";
import { ConnectionLostError, RForwardError } from "../../errors.ts";
import { type Logger, silentLogger } from "../../logger.ts";
import type { CloseReason, SshConnection } from "../../ssh/connection.ts";
import type { DrainResult } from "../tunnel/drain_result.ts";
import { checkRetry } from "../tunnel/retry_options.ts";
import { Turns } from "../../turns.ts";
import { checkKinds } from "../../check_kinds.ts";
import { checkMs } from "../../validate.ts";
import { asRForwardError } from "./as_rforward_error.ts";
import { watchClock } from "./connection/clock_watch.ts";
import { handedOver, type HandOverResult } from "./hand_over.ts";
import { EventHub } from "./event_hub.ts";
import type { MissedEvents } from "./event_stream.ts";
import { ProbeGuard } from "./probe_guard.ts";
import { Reconnector } from "./connection/reconnector.ts";
import { RetiredConnections } from "./connection/retired_connections.ts";
import { ServerSession } from "./connection/server_session.ts";
import { SupervisedTunnels } from "./tunnels/supervised_tunnels.ts";
import { SupervisorStatus } from "./supervisor_status.ts";
import type {
  SupervisedTunnel,
  SupervisorEvent,
  SupervisorOptions,
  SupervisorSnapshot,
} from "./supervisor_options.ts";

/** How long the server may take to release the ports when stopping, in milliseconds. */
const RELEASE_MS = 2000;

/** As long as a timer can wait, in milliseconds. */
const NO_LIMIT_MS = 2 ** 31 - 1;

/** How long the server may take to answer after this machine slept, in milliseconds. */
const AFTER_SLEEP_MS = 5000;

/**
 * Keeps tunnels up over a connection that comes and goes: reconnects after any
 * loss, binds every tunnel again, checks who really answers there, and waits for
 * ports that are in use, perhaps by our own last session.
 *
 * Created by {@linkcode supervise}. Iterating over it yields a snapshot at first
 * and after each change, until it has stopped; a slow consumer skips
 * intermediate snapshots.
 */
export class Supervisor
  implements AsyncDisposable, AsyncIterable<SupervisorSnapshot> {
  /** Settles when all tunnels are up for the first time; rejects if it stops before. */
  readonly ready: Promise<void>;
  /** Settles when it has stopped: `closed` if it was asked to, `lost` with the error if it could not continue. */
  readonly closed: Promise<CloseReason>;

  readonly #options: SupervisorOptions;
  readonly #logger: Logger;
  readonly #events: EventHub;
  readonly #tunnels: SupervisedTunnels;
  readonly #reconnector: Reconnector;
  readonly #status: SupervisorStatus;
  readonly #session: ServerSession;
  readonly #probes = new ProbeGuard();
  readonly #ready = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<CloseReason>();
  readonly #life = new AbortController();
  #connection: SshConnection | undefined;
  #connections = 0;
  /** Those of them that took over from one that was not lost. */
  #handOvers = 0;
  readonly #reconnects = new Turns();
  /** Leaves the connection. */
  #leave: (leave: Leave) => void = dropNext;
  readonly #retired = new RetiredConnections();
  /** What became of the live connections when it was stopped. */
  #drained: DrainResult | undefined;
  #stopping = false;
  /** Aborts once it should no longer return to the first server. */
  #staying = new AbortController();
  /** Ends the connection because of a permanent error. */
  #giveUp: (error: RForwardError) => void = () => {};

  /**
   * Starts it.
   *
   * @param options How to connect and what to keep up.
   * @throws {ArgumentError} if they cannot be used.
   *
   * @ignore
   */
  constructor(options: SupervisorOptions) {
    const { verify = true } = options;
    if (typeof verify !== "boolean") {
      checkKinds(verify, { everyMs: "any" }, "verify");
      checkMs("verify.everyMs", verify.everyMs, 1);
    }
    checkRetry("connectRetry", options.connectRetry);
    checkRetry("bindRetry", options.bindRetry);
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#events = new EventHub(this, options.onEvent, this.#logger);
    const emit = (event: SupervisorEvent) => this.#emit(event);
    const changed = () => this.#update();
    this.#session = new ServerSession(
      options.session ?? "never",
      emit,
      this.#logger,
    );
    this.#tunnels = new SupervisedTunnels(options.tunnels, {
      options,
      probes: this.#probes,
      answered: () => this.#session.answered(),
      emit,
      changed,
    });
    this.#reconnector = new Reconnector(options, this.#life.signal, (event) => {
      emit(event);
      changed();
    });
    this.#status = new SupervisorStatus({
      tunnels: this.#tunnels,
      reconnector: this.#reconnector,
      allOrNothing: options.allOrNothing ?? false,
    }, (state) => {
      emit({ type: "state", state });
      if (state === "up") this.#ready.resolve();
    });
    this.ready = this.#ready.promise;
    this.ready.catch(() => {}); // `closed` reports it too
    this.closed = this.#closed.promise;
    void this.#run();
  }

  /** The connection, while there is one. */
  get connection(): SshConnection | undefined {
    return this.#connection;
  }

  /** The state at this moment. */
  get snapshot(): SupervisorSnapshot {
    return defined({
      state: this.#status.state,
      since: this.#status.since,
      server: this.#connection?.server,
      reconnects: Math.max(0, this.#connections - 1 - this.#handOvers),
      error: this.#status.error,
      until: this.#reconnector.wait?.until,
      tunnels: this.#tunnels.all.map((tunnel) => tunnel.snapshot()),
    });
  }

  /** Snapshots: one now, and one after each change. */
  [Symbol.asyncIterator](): AsyncGenerator<SupervisorSnapshot> {
    return this.#status.watch(() => this.snapshot);
  }

  /**
   * Everything that happens from now on, as {@linkcode SupervisorOptions.onEvent}
   * receives it, until it has stopped. Of a reader that is more than 1000 events
   * behind, the oldest are counted only (`missed`).
   */
  events(): AsyncIterableIterator<SupervisorEvent | MissedEvents> {
    return this.#events.stream();
  }

  /**
   * Replaces the tunnels. Those with the same bind as before stay up, with the
   * `target` and `admission` that are given now: new connections go to that
   * target, live ones stay with theirs.
   *
   * @param tunnels All tunnels from now on.
   * @param options `drainMs`: how long live connections of removed tunnels may
   * continue, in milliseconds; 0 by default.
   * @throws {ArgumentError} if they cannot be used; nothing has changed then.
   */
  async setTunnels(
    tunnels: readonly SupervisedTunnel[],
    options: { drainMs?: number } = {},
  ): Promise<void> {
    checkKinds(options, { drainMs: "any" });
    const { drainMs = 0 } = options;
    checkMs("drainMs", drainMs);
    await this.#tunnels.set(tunnels, drainMs);
  }

  /**
   * Pauses a tunnel: releases its port, and closes its connections, until it is
   * resumed, also over reconnects. Has no effect on one that is paused.
   *
   * @param tunnel Its place among the tunnels, from 0.
   * @throws {ArgumentError} if the place is out of range.
   */
  pause(tunnel: number): void {
    this.#tunnels.at(tunnel).pause();
  }

  /**
   * Resumes a tunnel that is paused.
   *
   * @param tunnel Its place among the tunnels, from 0.
   * @throws {ArgumentError} if the place is out of range.
   */
  resume(tunnel: number): void {
    this.#tunnels.at(tunnel).resume();
  }

  /**
   * Tries now what it waits for: to connect, to bind a port that is in use, to
   * return to the first server.
   */
  tryNow(): void {
    this.#reconnector.wake();
    this.#tunnels.wake();
  }

  /**
   * Makes a new connection, e.g. because an address or a key has changed. If it is not
   * connected, it tries to connect now.
   *
   * With `overlap` the new connection is made before the old one is left: where
   * the server allows a second listener, connections to the port are accepted
   * all the time, and live ones continue on the old connection until they end.
   * It does so for Unix sockets with `StreamLocalBindUnlink yes`, for port 0
   * (another port is chosen then), and on servers that share ports
   * (`SO_REUSEPORT`); sshd does not for a port with a number, which has no
   * listener for about a round trip. If connecting fails, nothing has changed.
   *
   * @param options `overlap`: false by default, which ends live connections.
   * `drainMs`: how long live connections may continue on the old connection, in
   * milliseconds; no limit by default.
   * @returns which tunnels overlapped, once the new connection has taken over.
   * @throws {RForwardError} if connecting failed, or the old connection was lost meanwhile.
   */
  reconnect(
    options: { overlap?: boolean; drainMs?: number } = {},
  ): Promise<HandOverResult> {
    checkKinds(options, { overlap: "boolean", drainMs: "any" });
    const { overlap = false, drainMs = NO_LIMIT_MS } = options;
    checkMs("drainMs", drainMs);
    return this.#reconnects.take(async () => {
      const old = this.#connection;
      if (!old || this.#stopping) {
        this.tryNow();
        return { overlapped: [], interrupted: [] };
      }
      if (overlap) return await this.#handOver(old, drainMs);
      const interrupted = this.#tunnels.all.map(({ index }) => index);
      this.#leave({ drainMs: 0 });
      return { overlapped: [], interrupted };
    });
  }

  async #handOver(
    old: SshConnection,
    drainMs: number,
  ): Promise<HandOverResult> {
    try {
      return await this.#takeOver(old, drainMs);
    } catch (error) {
      if (!this.#stopping) {
        this.#emit({ type: "hand-over-failed", error: asRForwardError(error) });
      }
      throw error;
    }
  }

  async #takeOver(
    old: SshConnection,
    drainMs: number,
  ): Promise<HandOverResult> {
    await using stack = new AsyncDisposableStack();
    stack.defer(() => this.#tunnels.withdraw());
    const next = stack.use(await this.#reconnector.again(old.signal));
    const end = AbortSignal.any([old.signal, next.signal]);
    const result = await orAborted(this.#tunnels.prepare(next), end);
    if (this.#connection !== old || old.signal.aborted || this.#stopping) {
      throw new RForwardError(
        "connection-closed",
        "the connection was left in the meantime",
      );
    }
    this.#emit({ type: "handing-over", ...result });
    stack.move();
    this.#leave({ next, drainMs });
    // Until then, another reconnect would begin from the old connection.
    while (this.#connection === old && !this.#stopping) {
      await this.#status.changed;
    }
    return result;
  }

  /**
   * Stops it for good: releases the ports and closes the connection.
   *
   * @param options `drainMs`: how long live connections may continue first, in
   * milliseconds; 0 by default. A second call may cut it short.
   * @returns how many of the live connections finished, and how many were cut.
   */
  async stop(
    options: { drainMs?: number } = {},
  ): Promise<DrainResult> {
    checkKinds(options, { drainMs: "any" });
    const { drainMs = 0 } = options;
    checkMs("drainMs", drainMs);
    this.#stopping = true;
    this.#staying.abort();
    this.#update();
    const drained = this.#connection
      ? await this.#release(drainMs)
      : { finished: 0, cut: 0 };
    // The first call, which a second one may have cut short, knows of all.
    this.#drained ??= drained;
    this.#life.abort(
      new RForwardError("tunnel-stopped", "the supervisor was stopped"),
    );
    await this.closed;
    return drained;
  }

  /** Stops it, without a drain. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Frees the ports before it has stopped, unless a dead network prevents it. */
  async #release(drainMs: number): Promise<DrainResult> {
    const cut = this.#tunnels.live;
    const drained = await atMost(
      Math.min(drainMs + RELEASE_MS, 2 ** 31 - 1),
      this.#tunnels.stop(drainMs),
    );
    return drained ?? { finished: 0, cut };
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // the caller has its supervisor before the first event
    const { signal } = this.#life;
    const stopWatching = watchClock((ms) => this.#onSleep(ms));
    using _stop = onAbort(this.#options.signal, () => void this.stop());
    try {
      let next: SshConnection | undefined;
      while (true) {
        next = await this.#serve(next ?? await this.#reconnector.connect());
        if (!this.#stopping) continue;
        await next?.close();
        await this.#retired.close();
        return this.#finish(undefined);
      }
    } catch (error) {
      await this.#retired.close();
      this.#finish(signal.aborted ? undefined : asRForwardError(error));
    } finally {
      stopWatching();
    }
  }

  /**
   * Keeps the tunnels up until the connection ends, or another one takes over.
   *
   * @returns the one that takes over.
   * @throws a permanent error, or that it was stopped.
   */
  async #serve(connection: SshConnection): Promise<SshConnection | undefined> {
    const given = Promise.withResolvers<never>();
    given.promise.catch(() => {});
    const left = Promise.withResolvers<Leave>();
    // One that comes later is not served.
    const leave = this.#leave = (leave: Leave) => {
      this.#leave = dropNext;
      left.resolve(leave);
    };
    this.#giveUp = (error) => {
      this.#leave = dropNext;
      given.reject(error);
    };
    this.#connection = connection;
    this.#connections++;
    this.#emit({ type: "connected", server: connection.server });
    this.#welcome(connection);
    using _stop = onAbort(this.#life.signal, given.reject);
    const session = this.#session.keep(connection);
    if (this.#tunnels.all.length === 0) this.#session.answered();
    const leaving = new AbortController();
    const supervised = this.#tunnels.superviseOn(
      connection,
      AbortSignal.any([this.#life.signal, leaving.signal]),
      (error) => this.#giveUp(asRForwardError(error)),
    );
    this.#update();
    this.#staying = new AbortController();
    const { signal } = this.#staying;
    const returned = this.#reconnector.returnToFirst(signal, this.#tunnels);
    returned.then((first) => first && leave({ drainMs: 0 }));
    try {
      const ends = [connection.closed, given.promise, left.promise];
      const end = await Promise.race(ends);
      if ("reason" in end) this.#onLost(connection, end.error);
      else if (end.next) {
        this.#staying.abort();
        await (await returned)?.close();
        leaving.abort(handedOver);
        await supervised;
        await this.#retire(connection, session, end.drainMs);
        return end.next;
      }
    } catch (error) {
      this.#staying.abort();
      await (await returned)?.close();
      throw error;
    } finally {
      this.#giveUp = () => {};
      this.#leave = dropNext;
      this.#staying.abort();
      if (!this.#retired.has(connection)) {
        await connection.close();
        this.#connection = undefined;
        await Promise.all([supervised, session]);
      }
    }
    const first = await returned;
    if (first) this.#update();
    return first;
  }

  /** Lets what is live on a connection continue, and closes it then. */
  async #retire(
    connection: SshConnection,
    session: Promise<void>,
    drainMs: number,
  ): Promise<void> {
    this.#handOvers++;
    const { drained } = await this.#tunnels.retire(connection, drainMs);
    this.#retired.add(connection, drained, session);
  }

  #onLost(connection: SshConnection, error: RForwardError | undefined): void {
    const lost = error instanceof ConnectionLostError
      ? error
      : new ConnectionLostError(
        "the connection was closed",
        defined({ cause: error }),
      );
    const explained = this.#probes.explain(connection, lost);
    this.#emit({ type: "lost", error: explained });
    this.#reconnector.lost(explained);
  }

  #welcome(connection: SshConnection): void {
    callBack(
      "the supervisor's onConnect",
      this.#logger,
      () => this.#options.onConnect?.(connection),
    );
  }

  #onSleep(ms: number): void {
    this.#emit({ type: "slept", ms });
    this.#reconnector.wake();
    // A missing answer ends the connection.
    this.#connection?.ping({ timeoutMs: AFTER_SLEEP_MS }).catch(() => {});
  }

  /** Derives the state, and ends it all once nothing can succeed. */
  #update(): void {
    if (this.#status.state === "stopped") return;
    if (this.#connection?.signal.aborted) return; // the loss is reported next
    if (!this.#connection) this.#tunnels.disconnect();
    const hopeless = this.#status.update({
      isConnected: this.#connection !== undefined,
      isStopping: this.#stopping,
    });
    if (hopeless) this.#giveUp(hopeless);
  }

  #finish(error: RForwardError | undefined): void {
    this.#status.error = error;
    this.#life.abort(error);
    this.#ready.reject(
      error ??
        new RForwardError("tunnel-stopped", "the supervisor was stopped"),
    );
    const { finished, cut } = this.#drained ?? {};
    this.#emit(defined({ type: "stopped" as const, error, finished, cut }));
    this.#status.stopped();
    this.#events.end();
    this.#closed.resolve(
      error ? { reason: "lost", error } : { reason: "closed" },
    );
  }

  #emit(event: SupervisorEvent): void {
    // There is no next request if this denial stops it all.
    if (event.type === "denied" && this.#status.needsAll) delete event.ms;
    this.#events.emit(event);
  }
}

/** Another connection is to take over, or is to be made. */
interface Leave {
  readonly next?: SshConnection;
  /** How long live connections may continue. */
  readonly drainMs: number;
}

/** The connection has been left already. */
function dropNext({ next }: Leave): void {
  void next?.close();
}
