import { delay, orAborted } from "../../../abort.ts";
import {
  ForwardDeniedError,
  type RForwardError,
  type TargetError,
} from "../../../errors.ts";
import { silentLogger } from "../../../logger.ts";
import type { Bind, SshConnection } from "../../../ssh/connection.ts";
import { denialError, type DenialReason } from "../../verify/denial.ts";
import { Backoff } from "../backoff.ts";
import type { Pause } from "./pause.ts";
import { PortChecks } from "./port_checks.ts";
import type { ProbeResult } from "../../verify/probe.ts";
import type { ProbeGuard } from "../probe_guard.ts";
import type { Sleeper } from "../sleeper.ts";
import type { SupervisorOptions } from "../supervisor_options.ts";
import { TargetHealth } from "./target_health.ts";
import type { TunnelEvent } from "./tunnel_event.ts";
import type { TunnelFactory } from "./tunnel_factory.ts";
import type { Generation } from "./tunnel_generations.ts";
import type { TunnelStatus } from "./tunnel_status.ts";

/** What a supervised tunnel brings to each connection. */
export interface TunnelParts {
  readonly options: SupervisorOptions;
  /** Whether the server may be asked to connect to what it has bound. */
  readonly probes: ProbeGuard;
  readonly status: TunnelStatus;
  readonly factory: TunnelFactory;
  readonly pause: Pause;
  /** Waits for the next request. */
  readonly sleeper: Sleeper;
  readonly emit: (event: TunnelEvent) => void;
  /** The server has answered a request to listen, in one way or the other. */
  readonly answered: () => void;
}

/** Why the port is not ours, or no longer. */
interface Denial {
  reason: DenialReason;
  error: RForwardError;
}

/** How long to insist on a port that the server once chose before it may choose another one, in milliseconds. */
const SAME_PORT_MS = 60_000;

/** How long connections of a released port may continue, in milliseconds: the longest timer there is. */
const DRAIN_MS = 2 ** 31 - 1;

/** A supervised tunnel on one connection: bound, checked, and bound again. */
export class TunnelRun {
  readonly #parts: TunnelParts;
  readonly #connection: SshConnection;
  readonly #signal: AbortSignal;
  readonly #first: () => void;
  readonly #backoff: Backoff;
  readonly #checks: PortChecks;
  readonly #health: TargetHealth | undefined;

  /**
   * @param signal Aborts when it is to end.
   * @param first Called when the server has answered for the first time, yes or no.
   */
  constructor(
    parts: TunnelParts,
    connection: SshConnection,
    signal: AbortSignal,
    first: () => void,
  ) {
    this.#parts = parts;
    this.#connection = connection;
    this.#signal = signal;
    this.#first = first;
    this.#backoff = new Backoff({ maxMs: 10_000, ...parts.options.bindRetry });
    this.#checks = new PortChecks(connection, parts.probes);
    const { checkTarget } = parts.factory.options;
    this.#health = checkTarget && new TargetHealth(
      (signal) => parts.factory.dialer.check!(signal),
      checkTarget.everyMs,
      (error) => this.#onHealth(error),
    );
  }

  /** Runs until the signal aborts, or the port is denied for good. */
  async run(): Promise<void> {
    const { status, factory } = this.#parts;
    const over = new AbortController();
    const watching = this.#health?.watch(
      AbortSignal.any([this.#signal, over.signal]),
    );
    try {
      while (status.state !== "denied") {
        await this.#awaitResume();
        await this.#awaitTarget();
        const denial = await this.#hold();
        if (denial) await this.#onDenial(denial);
      }
    } catch (error) {
      if (!this.#signal.aborted) throw error;
    } finally {
      over.abort();
      await watching;
      factory.flush();
      this.#first();
    }
  }

  /** Waits while the tunnel is paused. */
  async #awaitResume(): Promise<void> {
    const { pause, status, factory } = this.#parts;
    if (!pause.isOn) return;
    await factory.tunnels.stop(0);
    status.become("paused");
    this.#parts.answered();
    this.#first();
    await pause.over(this.#signal);
  }

  /** Waits while the target is down, with `releaseWhenDown`. */
  async #awaitTarget(): Promise<void> {
    const health = this.#health;
    if (!health || !this.#releasesWhenDown) return;
    await health.checked(this.#signal);
    if (!health.error) return;
    this.#parts.factory.tunnels.withdraw();
    this.#parts.status.become("target-down", health.error);
    this.#parts.answered();
    this.#first();
    await health.answers(this.#signal);
  }

  /**
   * Binds, and stays so.
   *
   * @returns why it is not, or no longer; nothing if it is paused, the target
   * is down, or it is to be bound again at once.
   */
  async #hold(): Promise<Denial | undefined> {
    const { status, factory } = this.#parts;
    status.probe = undefined;
    status.become("binding", status.error);
    const held = await this.#checks.heldByOthers(status.bound);
    if (held) return { reason: "in-use", error: held };
    this.#signal.throwIfAborted();
    const generation = factory.tunnels.takeNext(this.#connection) ??
      factory.create(this.#connection, {
        bind: status.bound,
        unlinkStale: factory.options.unlinkStale ?? status.held,
      });
    const denial = await this.#bind(generation);
    return denial ?? await this.#whileBound(generation);
  }

  async #bind({ tunnel }: Generation): Promise<Denial | undefined> {
    const { status, answered } = this.#parts;
    try {
      await tunnel.start(); // has no effect if it was prepared
      answered();
      return undefined;
    } catch (error) {
      await tunnel.stop();
      if (!(error instanceof ForwardDeniedError)) throw error;
      answered();
      const { bound } = status;
      const why = await this.#checks.whyDenied(bound, error, this.#signal);
      // It was allowed before.
      const reason = why === "prohibited" && status.held ? "unknown" : why;
      return { reason, error: denialError(bound, reason, error) };
    }
  }

  async #whileBound(
    { tunnel, cancelled }: Generation,
  ): Promise<Denial | undefined> {
    const { pause, factory, status } = this.#parts;
    const { displaced } = factory.tunnels;
    const signal = this.#signal;
    signal.throwIfAborted();
    this.#onBound(tunnel.bound);
    const down = this.#releasesWhenDown ? this.#health?.downSignal : undefined;
    const period = [signal, cancelled, pause.signal, displaced];
    if (down) period.push(down);
    try {
      const error = await this.#stayUp(tunnel.bound, AbortSignal.any(period));
      return { reason: "in-use", error };
    } catch (error) {
      status.probe = undefined;
      if (signal.aborted) throw error;
      if (down?.aborted || pause.isOn || displaced.aborted) return undefined;
      if (!cancelled.aborted) throw error;
      return { reason: "unknown", error: cancelled.reason };
    } finally {
      // Live connections continue. The request to release the port goes out
      // before the next one to bind it.
      if (!signal.aborted) void tunnel.stop({ drainMs: DRAIN_MS });
    }
  }

  /**
   * Checks who answers at a bound port, as often as `verify` says.
   *
   * @returns why it is not ours.
   * @throws the signal's reason, once it aborts.
   */
  async #stayUp(bound: Bind, signal: AbortSignal): Promise<RForwardError> {
    const { verify = true } = this.#parts.options;
    for (let isUp = false;; isUp = true) {
      signal.throwIfAborted();
      const others = verify && await this.#verify(bound, signal);
      if (others) return others;
      if (!isUp) {
        await this.#health?.checked(signal);
        this.#onUp();
      }
      if (typeof verify === "object") await delay(verify.everyMs, signal);
      else await orAborted(new Promise(() => {}), signal);
    }
  }

  /** @returns why the port is not ours alone, if it is not. */
  async #verify(
    bound: Bind,
    signal: AbortSignal,
  ): Promise<RForwardError | undefined> {
    const { status, options, emit, factory } = this.#parts;
    const before = status.probe;
    let found: ProbeResult;
    do {
      // The next tunnel may have bound it already: then no other program holds it.
      await orAborted(factory.tunnels.decided(), signal);
      found = await this.#checks.probe(bound, before, signal);
    } while (factory.tunnels.isHandingOver);
    status.probe = found;
    emit({ type: "verified", bound, probe: found });
    const { warning } = found;
    const isNew = warning !== undefined && warning !== before?.warning;
    // With onEvent, the event carries it.
    if (isNew && !options.onEvent) {
      (options.logger ?? silentLogger).warn(warning);
    }
    return this.#checks.findOthers(bound, found);
  }

  #onBound(bound: Bind): void {
    const { status, factory, options, emit } = this.#parts;
    const checking = options.verify !== false;
    status.bound = bound;
    emit({
      type: "bound",
      asked: status.asked,
      bound,
      target: factory.dialer.name,
      checking,
    });
    if (checking) status.become("checking", status.error);
  }

  #onUp(): void {
    const { status } = this.#parts;
    this.#checks.forget();
    this.#backoff.reset();
    status.held = true;
    const error = this.#health?.error;
    status.become(error ? "target-down" : "up", error);
    this.#first();
  }

  async #onDenial({ reason, error }: Denial): Promise<void> {
    const { status, sleeper, emit } = this.#parts;
    if (reason === "in-use" && !status.held) this.#letServerChooseAgain();
    const { elapsedMs, isOver } = this.#backoff;
    const isFinal = reason === "prohibited" || isOver;
    const ms = isFinal ? undefined : this.#backoff.next();
    emit({
      ...{ type: "denied", asked: status.bound, reason, error },
      ...ms !== undefined && { ms },
    });
    status.reason = reason;
    if (ms === undefined) status.become("denied", error);
    else {
      status.become("waiting", error, new Date(Date.now() + ms));
      this.#first();
      await sleeper.sleep(ms, this.#signal);
      // Any other port will do as well as one that is in use.
      if (elapsedMs >= SAME_PORT_MS) this.#letServerChooseAgain();
    }
    this.#first();
  }

  #letServerChooseAgain(): void {
    if (this.#parts.status.letServerChooseAgain()) this.#checks.forget();
  }

  get #releasesWhenDown(): boolean {
    return this.#parts.factory.options.checkTarget?.releaseWhenDown ?? false;
  }

  #onHealth(error: TargetError | undefined): void {
    const { status, factory, emit } = this.#parts;
    const target = factory.dialer.name;
    const released = this.#releasesWhenDown;
    if (!error) {
      emit({ type: "target-up", target });
      if (status.state === "target-down" && !released) status.become("up");
      return;
    }
    emit({ type: "target-down", target, error, released });
    if (status.state === "up") status.become("target-down", error);
  }
}
