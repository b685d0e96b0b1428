import {
  ArgumentError,
  ConnectionLostError,
  ForwardDeniedError,
  RForwardError,
} from "../../errors.ts";
import { checkKinds } from "../../check_kinds.ts";
import { type Logger, silentLogger } from "../../logger.ts";
import { onAbort } from "../../abort.ts";
import { isTcp } from "../../ssh/bind.ts";
import type {
  Bind,
  CloseReason,
  ForwardedOpen,
  SshConnection,
} from "../../ssh/connection.ts";
import { Turns } from "../../turns.ts";
import { checkMs, checkPort } from "../../validate.ts";
import { Admission } from "../admission/admission.ts";
import type { AdmissionRules } from "../admission/admission_rules.ts";
import { Ticket } from "../admission/ticket.ts";
import { toBind } from "./bind_options.ts";
import { Binding } from "./binding.ts";
import { checkConnection } from "./check_connection.ts";
import { checkRetry } from "./retry_options.ts";
import { LiveConnections } from "./live_connections.ts";
import { createDialer } from "../targets/create_dialer.ts";
import type { Dialer, Endpoint } from "../targets/dialer.ts";
import type { Target } from "../targets/target.ts";
import { TunnelCallbacks } from "./tunnel_callbacks.ts";
import { TunnelConnection } from "./tunnel_connection.ts";
import type { DrainResult } from "./drain_result.ts";
import { tunnelKinds, type TunnelOptions } from "./tunnel_options.ts";

/** What a tunnel does now. */
export type TunnelState = "new" | "listening" | "paused" | "stopped";

/**
 * One bound port (or Unix socket) on the server and its target on this side:
 * each connection to the port is relayed to the target, or refused.
 *
 * @example
 * ```ts
 * import { connect, ReverseTunnel } from "@x2go/rforward";
 * import { startTestServer } from "@x2go/rforward/testing";
 *
 * await using server = await startTestServer();
 * await using connection = await connect({
 *   hostname: server.hostname,
 *   port: server.port,
 *   user: server.user,
 *   password: server.password,
 *   hostKeys: { text: server.knownHosts },
 * });
 * await using tunnel = new ReverseTunnel(connection, {
 *   bind: { port: 0 },
 *   target: { port: 4713 },
 * });
 * await tunnel.start(); // the server listens
 * await tunnel.pause(); // the port is released, live connections are closed
 * await tunnel.resume(); // the same port again
 * ```
 */
export class ReverseTunnel implements AsyncDisposable {
  /** Settles when the tunnel has ended: stopped, or lost with the SSH connection. */
  readonly closed: Promise<CloseReason>;

  readonly #connection: SshConnection;
  readonly #options: TunnelOptions;
  #dialer: Dialer;
  readonly #callbacks: TunnelCallbacks;
  readonly #logger: Logger;
  readonly #connections = new LiveConnections();
  /** Those that did not end by themselves. */
  readonly #cut = new WeakSet<TunnelConnection>();
  /** What each call of stop() counts. */
  readonly #draining: Set<TunnelConnection>[] = [];
  readonly #closed = Promise.withResolvers<CloseReason>();
  /** Aborts when the tunnel is stopped for good. */
  readonly #life = new AbortController();
  /** Aborts at the end of a listening period: its connections end. */
  #period = new AbortController();
  #accepting = false;
  #admission: Admission | undefined;
  /** What to ask for next. */
  #bind: Bind;
  /** What the server holds for this tunnel. */
  #binding: Binding | undefined;
  #wasBound = false;
  #state: TunnelState = "new";
  /** start, pause, resume and stop take turns. */
  readonly #turns = new Turns();

  /**
   * Does not listen until {@linkcode start}.
   *
   * @param connection The SSH connection; many tunnels can share one.
   * @param options What to bind and where it leads to.
   * @throws {ArgumentError} if they cannot be used.
   */
  constructor(connection: SshConnection, options: TunnelOptions) {
    checkConnection(connection);
    checkKinds(options, tunnelKinds);
    checkMs("targetTimeoutMs", options.targetTimeoutMs);
    checkMs("lingerMs", options.lingerMs);
    checkRetry("bindRetry", options.bindRetry);
    this.#bind = toBind(options.bind);
    this.#dialer = createDialer(options.target, options);
    this.#connection = connection;
    this.#options = options;
    if (options.admission !== undefined) {
      this.setAdmission(options.admission);
    }
    this.#callbacks = new TunnelCallbacks(options);
    this.#logger = options.logger ?? silentLogger;
    this.closed = this.#closed.promise;
    onAbort(options.signal, () => void this.stop(), this.#life.signal);
    // Also during the drain of a stop().
    const watch = onAbort(
      connection.signal,
      (reason) => this.#onConnectionEnd(reason),
    );
    void this.closed.then(() => watch[Symbol.dispose]());
  }

  /** What it does now. */
  get state(): TunnelState {
    return this.#state;
  }

  /** Where the server listens, or did last; port 0 until the server has chosen one. */
  get bound(): Bind {
    return this.#binding?.bound ?? this.#bind;
  }

  /** The port of {@linkcode bound}; 0 for a Unix socket. */
  get port(): number {
    return isTcp(this.bound) ? this.bound.port : 0;
  }

  /** The target, as text. */
  get target(): string {
    return this.#dialer.name;
  }

  /** The connections that are live now. */
  get connections(): ReadonlySet<TunnelConnection> {
    return this.#connections;
  }

  /** Who may connect, and how many have and have not; undefined if anyone may. */
  get admission(): Admission | undefined {
    return this.#admission;
  }

  /**
   * Changes who may connect, how often and how much. Live connections continue;
   * those that were admitted by rules have the new limits of bandwidth and time.
   *
   * @param admission All rules from now on, `{}` for anyone; or an
   * {@linkcode Admission} in the place of the one before.
   * @throws {ArgumentError} if they cannot be used; nothing has changed then.
   */
  setAdmission(admission: AdmissionRules | Admission): void {
    this.#admission = Admission.of(admission, this.#bind, this.#admission);
  }

  /**
   * Sends new connections to another target. Live ones stay with theirs until
   * they end; the port stays bound.
   *
   * @throws {ArgumentError} if it cannot be used; nothing has changed then.
   */
  replaceTarget(target: Target): void {
    const before = this.#dialer;
    this.#dialer = createDialer(target, this.#options);
    before.drain?.();
  }

  /**
   * Asks the server to listen, and again if it denies that (`bindRetry`).
   * Has no effect if it listens already.
   *
   * @param options `signal`: aborts the attempt.
   * @returns where the server listens.
   * @throws {ForwardDeniedError} if it keeps denying it.
   */
  start({ signal }: { signal?: AbortSignal } = {}): Promise<Bind> {
    return this.#turns.take(() => this.#listen(signal));
  }

  /**
   * Releases the port and closes live connections at once, idle ones too.
   * Does nothing before it has started.
   *
   * @returns whether the server released the port. Dropbear before 2026.90
   * cannot: connections to the port are then refused as they come.
   */
  pause(): Promise<boolean> {
    return this.#turns.take(async () => {
      if (this.#state === "new" || this.#state === "stopped") {
        return !this.#binding;
      }
      const isListening = this.#state === "listening";
      this.#endPeriod(stopped("paused"));
      const released = isListening ? await this.#release() : !this.#binding;
      await this.#connections.drained();
      if (this.#state === "listening") this.#state = "paused";
      return released;
    });
  }

  /**
   * Binds again: the same port as before, unless another is given. Has no
   * effect if it listens there already.
   *
   * @param options `port`: the port to listen on from now on. `signal`: aborts
   * the attempt; the tunnel is paused then.
   * @returns where the server listens.
   * @throws {ForwardDeniedError} if the server keeps denying it; the tunnel is
   * paused then.
   */
  resume(
    options: { port?: number; signal?: AbortSignal } = {},
  ): Promise<Bind> {
    const { port, signal } = options;
    return this.#turns.take(async () => {
      checkKinds(options, { port: "any", signal: "signal" });
      if (port !== undefined) await this.#moveTo(port);
      return await this.#listen(signal);
    });
  }

  /**
   * Ends the tunnel for good: releases the port and closes live connections.
   * Idempotent; a second call may cut a drain short.
   *
   * @param options `drainMs`: how long live connections may continue first, in
   * milliseconds; 0 by default.
   * @returns how many of the live connections finished, and how many were cut.
   */
  async stop(
    options: { drainMs?: number } = {},
  ): Promise<DrainResult> {
    checkKinds(options, { drainMs: "any" });
    const { drainMs = 0 } = options;
    checkMs("drainMs", drainMs);
    const live = new Set(this.#connections);
    this.#draining.push(live);
    this.#life.abort(stopped("stopped"));
    this.#accepting = false;
    const end = () => this.#endPeriod(this.#life.signal.reason);
    // Outside of the turns, so that it can cut short a drain under way.
    if (drainMs === 0) {
      end();
    } else {
      this.#dialer.drain?.();
      void this.#connections.drained(drainMs).then(end);
    }
    await this.#turns.take(async () => {
      await this.#release();
      // The next tunnel on the same bind must not share it with a drain.
      this.#binding?.abandon();
      await this.#connections.drained();
      end();
      await this.#connections.drained();
      this.#finish({ reason: "closed" });
    });
    const cut = [...live].filter((one) => this.#cut.has(one)).length;
    return { finished: live.size - cut, cut };
  }

  /** Stops, without a drain. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /**
   * Asks the server to stop listening on any address and port that were bound
   * on this connection, like {@linkcode SshConnection.cancelForward}. The tunnel
   * that had bound them is paused, but its live connections continue;
   * {@linkcode resume} binds again.
   *
   * @returns what the server answered: false if it does not hold that very
   * address and port for this connection, or cannot cancel.
   */
  async cancelPortForward(hostname: string, port: number): Promise<boolean> {
    checkPort("port", port);
    return await this.#connection.cancelForward({ hostname, port });
  }

  /**
   * Takes one connection that the server opened: dials the target, and relays
   * or refuses it. The dispatcher calls this.
   */
  async notify(open: ForwardedOpen): Promise<void> {
    if (!this.#accepting) {
      return open.refuse(
        "administratively-prohibited",
        "the tunnel is not listening",
      );
    }
    const taken = this.#take(open);
    this.#connections.expect(taken);
    await taken;
  }

  async #take(open: ForwardedOpen): Promise<void> {
    const { signal } = this.#period; // aborts as well if the connection is lost
    let ticket: Ticket | undefined;
    let endpoint: Endpoint | undefined;
    try {
      if (this.#admission) {
        const admitted = await this.#admission.admit(
          open,
          signal,
          this.#logger,
        );
        if (!(admitted instanceof Ticket)) {
          return this.#callbacks.onRefused(admitted, this.bound);
        }
        ticket = admitted;
      }
      const dialer = this.#dialer;
      endpoint = await dialer.dial(open, signal);
      signal.throwIfAborted();
      const target = { name: dialer.name, endpoint };
      const channel = ticket?.limit(open.confirm()) ?? open.confirm();
      endpoint = undefined; // the connection's now
      const connection = new TunnelConnection(open, channel, target);
      ticket?.watch(connection);
      this.#connections.add(connection);
      for (const drain of this.#draining) drain.add(connection);
      // A handler may have stopped the tunnel.
      if (signal.aborted) connection.end(signal.reason);
      this.#callbacks.onConnection(connection, this.bound);
    } catch (error) {
      endpoint?.abandon();
      ticket?.release();
      open.refuse("connect-failed", "the target did not answer");
      if (!signal.aborted) {
        this.#callbacks.onTargetError(error, open.originator);
      }
    }
  }

  async #listen(given?: AbortSignal): Promise<Bind> {
    const life = this.#life.signal;
    const signal = given ? AbortSignal.any([life, given]) : life;
    signal.throwIfAborted();
    if (this.#state === "listening") return this.bound;
    // Connections may have outlived a port that was cancelled.
    if (this.#period.signal.aborted) this.#period = new AbortController();
    this.#accepting = true;
    try {
      // What the server would not release it still holds for us.
      this.#binding ??= await Binding.open(this.#connection, {
        bind: this.#bind,
        take: (open) => this.notify(open),
        onCancelled: () => {
          if (this.#binding) this.#onCancelled();
        },
        retry: this.#options.bindRetry,
        unlinkStale: this.#options.unlinkStale ?? this.#wasBound,
        signal,
        logger: this.#logger,
      });
      this.#life.signal.throwIfAborted();
    } catch (error) {
      this.#accepting = false;
      if (error instanceof ForwardDeniedError) {
        this.#callbacks.onRequestDenied(error);
      }
      throw error;
    }
    this.#bind = this.#binding.bound;
    this.#wasBound = true;
    this.#state = "listening";
    if (this.#binding.cancelled) this.#onCancelled();
    return this.bound;
  }

  async #moveTo(port: number): Promise<void> {
    checkPort("port", port, "to let the server choose");
    if (!isTcp(this.#bind)) {
      throw new ArgumentError("port", "the tunnel is bound to a Unix socket");
    }
    if (port === this.#bind.port) return;
    this.#endPeriod(stopped("moved to another port"));
    await this.#release();
    await this.#connections.drained();
    if (this.#state === "listening") this.#state = "paused";
    this.#binding?.abandon();
    this.#binding = undefined;
    this.#bind = { ...this.#bind, port };
  }

  /** Live connections continue, as they do on the server. */
  #onCancelled(): void {
    this.#accepting = false;
    this.#binding = undefined;
    if (this.#state === "listening") this.#state = "paused";
    this.#callbacks.onCancelled();
  }

  #endPeriod(reason: unknown): void {
    this.#accepting = false;
    this.#period.abort(reason);
    for (const connection of this.#connections) {
      this.#cut.add(connection);
      connection.end(reason);
    }
  }

  /** @returns whether the server has released all that it held for the tunnel. */
  async #release(): Promise<boolean> {
    if (!await (this.#binding?.release() ?? true)) return false;
    this.#binding = undefined;
    return true;
  }

  #onConnectionEnd(reason: unknown): void {
    this.#life.abort(reason);
    this.#endPeriod(reason);
    this.#binding?.abandon();
    this.#binding = undefined;
    this.#finish(
      reason instanceof ConnectionLostError
        ? { reason: "lost", error: reason }
        : { reason: "closed" },
    );
  }

  #finish(reason: CloseReason): void {
    this.#binding?.abandon();
    this.#state = "stopped";
    this.#closed.resolve(reason);
  }
}

function stopped(how: string): RForwardError {
  return new RForwardError("tunnel-stopped", `the tunnel was ${how}`);
}
