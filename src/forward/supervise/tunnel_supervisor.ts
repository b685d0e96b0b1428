import { defined } from "../../defined.ts";
import { delay, orAborted } from "../../abort.ts";
import {
  ForwardDeniedError,
  RForwardError,
  type TargetError,
} from "../../errors.ts";
import { type Logger, silentLogger } from "../../logger.ts";
import { formatBind, isTcp } from "../../ssh/bind.ts";
import type { Bind, SshConnection } from "../../ssh/connection.ts";
import { checkMs } from "../../validate.ts";
import { Admission } from "../admission/admission.ts";
import type { AdmissionRules } from "../admission/admission_rules.ts";
import type { DrainResult } from "../tunnel/drain_result.ts";
import { toBind } from "../tunnel/bind_options.ts";
import { createDialer } from "../targets/create_dialer.ts";
import type { Dialer } from "../targets/dialer.ts";
import type { Target } from "../targets/target.ts";
import type { TunnelOptions } from "../tunnel/tunnel_options.ts";
import { ReverseTunnel } from "../tunnel/tunnel.ts";
import type { TunnelConnection } from "../tunnel/tunnel_connection.ts";
import type { ProbeResult } from "../verify/probe.ts";
import { denialError, type DenialReason } from "../verify/denial.ts";
import { Backoff } from "./backoff.ts";
import { handedOver } from "./hand_over.ts";
import { Pause } from "./pause.ts";
import { PortChecks } from "./port_checks.ts";
import type { ProbeGuard } from "./probe_guard.ts";
import { RefusalReports } from "./refusal_reports.ts";
import type {
  SupervisedTunnel,
  SupervisedTunnelSnapshot,
  SupervisedTunnelState,
  SupervisorEvent,
  SupervisorOptions,
} from "./supervisor_options.ts";
import { checkTargetCheck, TargetHealth } from "./target_health.ts";
import { Sleeper } from "./sleeper.ts";
import { type Generation, TunnelGenerations } from "./tunnel_generations.ts";
import { TunnelTotals } from "./tunnel_totals.ts";

/** What a tunnel gets from its supervisor. */
export interface SupervisorContext {
  readonly options: SupervisorOptions;
  /** Whether the server may be asked to connect to what it has bound. */
  readonly probes: ProbeGuard;
  /** The server has answered a request to listen, in one way or the other. */
  readonly answered: () => void;
  /** Passes on what happened. */
  readonly emit: (event: SupervisorEvent) => void;
  /** The tunnel is in another state. */
  readonly changed: () => void;
}

/** How long to insist on a port that the server once chose before it may choose another one, in milliseconds. */
const SAME_PORT_MS = 60_000;

/** How long connections of a released port may continue, in milliseconds: the longest timer there is. */
const DRAIN_MS = 2 ** 31 - 1;

/** One tunnel of a supervisor: bound anew on each connection. */
export class TunnelSupervisor {
  /** Its place among the supervisor's tunnels. */
  index: number;
  /** What it was made with. */
  options: SupervisedTunnel;

  readonly #context: SupervisorContext;
  readonly #logger: Logger;
  readonly #asked: Bind;
  #dialer: Dialer;
  /** What to ask for: with the port that the server chose, once it has. */
  #bound: Bind;
  #held = false;
  readonly #tunnels = new TunnelGenerations();
  #state: SupervisedTunnelState = "down";
  #error: RForwardError | undefined;
  #reason: DenialReason | undefined;
  #until: Date | undefined;
  #probe: ProbeResult | undefined;
  readonly #life = new AbortController();
  readonly #totals = new TunnelTotals();
  readonly #sleeper = new Sleeper();
  readonly #pause = new Pause();
  /** One for all its tunnels, also those whose connections go on. */
  #admission: Admission | undefined;
  readonly #refusals = new RefusalReports((refusal, count) => {
    const refused = this.#admission?.counts.refused ?? count;
    this.#emit({ type: "refused", refusal, count, refused });
  });

  /** @throws {ArgumentError} if the tunnel's options cannot be used. */
  constructor(
    index: number,
    options: SupervisedTunnel,
    context: SupervisorContext,
  ) {
    this.index = index;
    this.options = options;
    this.#context = context;
    this.#logger = context.options.logger ?? silentLogger;
    this.#asked = this.#bound = toBind(options.bind);
    checkMs("targetTimeoutMs", options.targetTimeoutMs);
    checkMs("lingerMs", options.lingerMs);
    this.#dialer = createDialer(options.target, options);
    checkTargetCheck(options.checkTarget, this.#dialer);
    if (options.admission !== undefined) {
      this.#admission = Admission.of(options.admission, this.#asked);
    }
  }

  /** What it does now. */
  get state(): SupervisedTunnelState {
    return this.#state;
  }

  /** Why it is not up. */
  get error(): RForwardError | undefined {
    return this.#error;
  }

  /** Its state at this moment. */
  snapshot(): SupervisedTunnelSnapshot {
    return defined({
      state: this.#state,
      asked: this.#asked,
      bound: this.#bound,
      target: this.#dialer.name,
      probe: this.#probe,
      error: this.#error,
      reason: this.#error && this.#reason,
      until: this.#until,
      admission: this.#admission?.counts,
      ...this.#totals.now,
    });
  }

  /**
   * Takes over what can change while it is up: target and admission.
   *
   * @returns does it; nothing has changed before.
   * @throws {ArgumentError} if something cannot be used.
   */
  adopt(options: SupervisedTunnel, isOtherTarget: boolean): () => void {
    const { admission = {}, target } = options;
    Admission.of(admission, this.#asked);
    const dialer = isOtherTarget ? createDialer(target, options) : undefined;
    if (dialer) checkTargetCheck(this.options.checkTarget, dialer);
    return () => {
      if (dialer) this.#replaceTarget(target, dialer);
      if (options.admission !== this.options.admission) this.#admit(admission);
    };
  }

  #replaceTarget(target: Target, dialer: Dialer): void {
    this.#dialer = dialer;
    this.options = { ...this.options, target };
    for (const tunnel of this.#tunnels) tunnel.replaceTarget(target);
    this.#emit({ type: "target-replaced", target: dialer.name });
  }

  #admit(admission: AdmissionRules | Admission): void {
    const isShared = this.options.admission instanceof Admission;
    const before = isShared ? undefined : this.#admission;
    this.#admission = Admission.of(admission, this.#asked, before);
    this.options = { ...this.options, admission };
    for (const tunnel of this.#tunnels) tunnel.setAdmission(this.#admission);
  }

  /**
   * Keeps the tunnel up on a connection, until that ends, the signal aborts or
   * the tunnel is stopped.
   *
   * @param until Aborts when the supervisor stops.
   * @param first Called when the server has answered for the first time, yes or no.
   */
  async superviseOn(
    connection: SshConnection,
    until: AbortSignal,
    first: () => void,
  ): Promise<void> {
    const signal = AbortSignal.any([
      until,
      connection.signal,
      this.#life.signal,
    ]);
    const { bindRetry } = this.#context.options;
    const backoff = new Backoff({ maxMs: 10_000, ...bindRetry });
    const checks = new PortChecks(connection, this.#context.probes);
    const health = this.#openHealth();
    const up = () => {
      checks.forget();
      backoff.reset();
      this.#held = true;
      const error = health?.error;
      this.#become(error ? "target-down" : "up", error);
      first();
    };
    const over = new AbortController();
    const watching = health?.watch(AbortSignal.any([signal, over.signal]));
    try {
      while (this.#state !== "denied") {
        if (this.#pause.isOn) await this.#awaitResume(signal, first);
        if (this.#releasesWhenDown) {
          await this.#awaitTarget(health!, signal, first);
        }
        const denial = await this.#hold(connection, checks, signal, up, health);
        if (!denial) continue;
        if (denial.reason === "in-use" && !this.#held) {
          this.#letServerChooseAgain(checks);
        }
        const { elapsedMs, isOver } = backoff;
        if (denial.reason === "prohibited" || isOver) {
          this.#deny(denial);
        } else {
          await this.#wait(denial, backoff.next(), signal, first);
          if (elapsedMs >= SAME_PORT_MS) this.#letServerChooseAgain(checks);
        }
        first();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      over.abort();
      await watching;
      this.#refusals.flush();
      const isDown = this.#state !== "denied" && this.#state !== "stopping" &&
        signal.reason !== handedOver;
      if (isDown) this.#become("down");
      first();
    }
  }

  /** Releases its port, and closes its connections, until it is resumed. */
  pause(): void {
    if (this.#pause.isOn) return;
    this.#pause.begin();
    this.#emit({ type: "paused" });
    this.wake();
  }

  /** Binds its port again. */
  resume(): void {
    if (!this.#pause.isOn) return;
    this.#emit({ type: "resumed" });
    this.#pause.end();
  }

  /** Asks for its port now, if it waits. */
  wake(): void {
    this.#sleeper.wake();
  }

  /** Settles once the connections are over that are live now. */
  drained(): Promise<void> {
    return this.#totals.drained();
  }

  /**
   * Binds on a connection that is to take over from the one that it is on.
   *
   * @returns whether the server listens on both now; undefined if there was nothing to bind.
   */
  async prepare(connection: SshConnection): Promise<boolean | undefined> {
    const isBound = this.#state === "up" || this.#state === "checking" ||
      this.#state === "target-down" && !this.#releasesWhenDown;
    if (!isBound) return undefined;
    // Its own socket would pass for a stale one where that cannot be told.
    return await this.#tunnels.prepare(
      this.#create(connection, { bind: this.#asked, unlinkStale: false }),
    );
  }

  /** See {@linkcode TunnelGenerations.retire}. */
  retire(
    connection: SshConnection,
    drainMs: number,
  ): Promise<{ released: boolean; drained: Promise<unknown> }> {
    return this.#tunnels.retire(connection, drainMs);
  }

  /** Stops taking connections, lets live ones continue for a while, and counts those that finished. */
  async stop(drainMs: number): Promise<DrainResult> {
    if (this.#state !== "denied") this.#become("stopping");
    this.#life.abort();
    const drained = await this.#tunnels.stop(drainMs);
    if (this.#state === "stopping") this.#become("down");
    return drained;
  }

  /**
   * Binds, and stays so.
   *
   * @param up Called once the port is known to be ours.
   * @returns why it is not, or no longer; nothing if the target is down.
   */
  async #hold(
    connection: SshConnection,
    checks: PortChecks,
    signal: AbortSignal,
    up: () => void,
    health: TargetHealth | undefined,
  ): Promise<{ reason: DenialReason; error: RForwardError } | undefined> {
    this.#probe = undefined;
    this.#become("binding", this.#error);
    const held = await checks.heldByOthers(this.#bound);
    if (held) return { reason: "in-use", error: held };
    signal.throwIfAborted();
    const { tunnel, cancelled } = this.#tunnels.takeNext(connection) ??
      this.#create(connection);
    try {
      await tunnel.start(); // has no effect if it was prepared
    } catch (error) {
      await tunnel.stop();
      if (!(error instanceof ForwardDeniedError)) throw error;
      this.#context.answered();
      const reason = await checks.whyDenied(this.#bound, error, signal);
      // It was allowed before.
      const known = reason === "prohibited" && this.#held ? "unknown" : reason;
      return { reason: known, error: denialError(this.#bound, known, error) };
    }
    this.#context.answered();
    signal.throwIfAborted();
    this.#onBound(tunnel.bound);
    try {
      const down = this.#releasesWhenDown ? [health!.downSignal] : [];
      const period = AbortSignal.any([
        ...[signal, cancelled, this.#pause.signal],
        ...down,
      ]);
      const error = await this.#stayUp(tunnel.bound, checks, period, up);
      return { reason: "in-use", error };
    } catch (error) {
      if (signal.aborted) throw error;
      if (this.#releasesWhenDown && health!.error) {
        return undefined;
      }
      if (this.#pause.isOn) return undefined;
      if (!cancelled.aborted) throw error;
      return { reason: "unknown", error: cancelled.reason };
    } finally {
      // Live connections continue. The request to release the port goes out
      // before the next one to bind it.
      if (!signal.aborted) void tunnel.stop({ drainMs: DRAIN_MS });
    }
  }

  get #releasesWhenDown(): boolean {
    return this.options.checkTarget?.releaseWhenDown ?? false;
  }

  #openHealth(): TargetHealth | undefined {
    const { checkTarget } = this.options;
    return checkTarget && new TargetHealth(
      (signal) => this.#dialer.check!(signal),
      checkTarget.everyMs,
      (error) => this.#onHealth(error),
    );
  }

  #onHealth(error: TargetError | undefined): void {
    const target = this.#dialer.name;
    const released = this.#releasesWhenDown;
    if (!error) {
      this.#emit({ type: "target-up", target });
      if (this.#state === "target-down" && !released) this.#become("up");
      return;
    }
    this.#emit({ type: "target-down", target, error, released });
    if (this.#state === "up") this.#become("target-down", error);
  }

  /** Asks the server for nothing while it is paused. */
  async #awaitResume(signal: AbortSignal, first: () => void): Promise<void> {
    await this.#tunnels.stop(0);
    this.#become("paused");
    this.#context.answered();
    first();
    await this.#pause.over(signal);
  }

  /** Asks the server for nothing while the target is down. */
  async #awaitTarget(
    health: TargetHealth,
    signal: AbortSignal,
    first: () => void,
  ): Promise<void> {
    await health.checked(signal);
    if (!health.error) return;
    this.#become("target-down", health.error);
    this.#context.answered();
    first();
    await health.answers(signal);
  }

  #onBound(bound: Bind): void {
    const checking = this.#context.options.verify !== false;
    this.#bound = bound;
    this.#emit({
      type: "bound",
      asked: this.#asked,
      bound,
      target: this.#dialer.name,
      checking,
    });
    if (checking) this.#become("checking", this.#error);
  }

  /**
   * Checks who answers at a bound port, as often as `verify` says.
   *
   * @param up Called once it is known to be ours.
   * @returns why it is not.
   * @throws the signal's reason, once it aborts.
   */
  async #stayUp(
    bound: Bind,
    checks: PortChecks,
    signal: AbortSignal,
    up: () => void,
  ): Promise<RForwardError> {
    const { verify = true } = this.#context.options;
    for (let isUp = false;; isUp = true) {
      signal.throwIfAborted();
      const others = verify && await this.#verify(bound, checks, signal);
      if (others) return others;
      if (!isUp) up();
      if (typeof verify === "object") await delay(verify.everyMs, signal);
      else await orAborted(new Promise(() => {}), signal);
    }
  }

  /** @returns why the port is not ours alone, if it is not. */
  async #verify(
    bound: Bind,
    checks: PortChecks,
    signal: AbortSignal,
  ): Promise<RForwardError | undefined> {
    const before = this.#probe;
    const found = this.#probe = await checks.probe(bound, before, signal);
    this.#emit({ type: "verified", bound, probe: found });
    const { warning } = found;
    const isNew = warning !== undefined && warning !== before?.warning;
    // With onEvent, the event carries it.
    if (isNew && !this.#context.options.onEvent) this.#logger.warn(warning);
    return checks.findOthers(bound, found);
  }

  #create(
    connection: SshConnection,
    more: Pick<TunnelOptions, "bind" | "unlinkStale"> = { bind: this.#bound },
  ): Generation {
    const cancelled = new AbortController();
    const { onConnection, onTargetError, onRefused, ...options } = this.options;
    const tunnel = new ReverseTunnel(connection, {
      unlinkStale: this.#held,
      ...options,
      ...this.#admission && { admission: this.#admission },
      ...more,
      // Retrying is the supervisor's task.
      bindRetry: { forMs: 0 },
      onCancelled: () => cancelled.abort(cancelledError(tunnel.bound)),
      // The supervisor's events carry what is dropped here.
      logger: {
        ...silentLogger,
        warn: (...args) => this.#logger.warn(...args),
        error: (...args) => this.#logger.error(...args),
      },
      onRequestDenied: () => {},
      onConnection: (connection) => {
        this.#totals.add(connection);
        this.#emit({ type: "opened", connection });
        connection.closed.then(({ error }) => this.#closed(connection, error));
        onConnection?.(connection);
      },
      onTargetError: (error, originator) => {
        const failed = this.#totals.fail(error);
        this.#emit({ type: "target-error", error, originator, failed });
        onTargetError?.(error, originator);
      },
      onRefused: (refusal) => {
        this.#refusals.add(refusal);
        onRefused?.(refusal);
      },
    });
    this.#tunnels.add(tunnel);
    return { connection, tunnel, cancelled: cancelled.signal };
  }

  #closed(connection: TunnelConnection, error?: RForwardError): void {
    const ms = Date.now() - connection.openedAt.getTime();
    this.#emit(defined({ type: "closed" as const, connection, ms, error }));
  }

  #deny(
    { reason, error }: { reason: DenialReason; error: RForwardError },
  ): void {
    this.#emit({ type: "denied", asked: this.#bound, reason, error });
    this.#reason = reason;
    this.#become("denied", error);
  }

  async #wait(
    { reason, error }: { reason: DenialReason; error: RForwardError },
    ms: number,
    signal: AbortSignal,
    first: () => void,
  ): Promise<void> {
    this.#emit({ type: "denied", asked: this.#bound, reason, error, ms });
    this.#reason = reason;
    this.#become("waiting", error, new Date(Date.now() + ms));
    first();
    await this.#sleeper.sleep(ms, signal);
  }

  /** Where it chose the port, any other will do as well as one that is in use. */
  #letServerChooseAgain(checks: PortChecks): void {
    if (!isTcp(this.#asked) || this.#asked.port > 0) return;
    this.#bound = this.#asked;
    checks.forget();
  }

  #become(
    state: SupervisedTunnelState,
    error?: RForwardError,
    until?: Date,
  ): void {
    this.#state = state;
    this.#error = error;
    this.#until = until;
    this.#context.changed();
  }

  #emit(event: TunnelEvent): void {
    this.#context.emit({ ...event, tunnel: this.index });
  }
}

/** An event of a tunnel, without its index. */
type TunnelEvent = WithoutTunnel<Extract<SupervisorEvent, { tunnel: number }>>;
type WithoutTunnel<E> = E extends unknown ? Omit<E, "tunnel"> : never;

function cancelledError(bind: Bind): RForwardError {
  return new RForwardError(
    "tunnel-stopped",
    `${formatBind(bind)} was cancelled on this connection`,
  );
}
