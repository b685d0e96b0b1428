import { defined } from "../../../defined.ts";
import type { RForwardError } from "../../../errors.ts";
import { silentLogger } from "../../../logger.ts";
import type { SshConnection } from "../../../ssh/connection.ts";
import { checkMs } from "../../../validate.ts";
import { toBind } from "../../tunnel/bind_options.ts";
import type { DrainResult } from "../../tunnel/drain_result.ts";
import { Pause } from "./pause.ts";
import type { ProbeGuard } from "../probe_guard.ts";
import { Sleeper } from "../sleeper.ts";
import type {
  SupervisedTunnel,
  SupervisedTunnelSnapshot,
  SupervisedTunnelState,
  SupervisorEvent,
  SupervisorOptions,
} from "../supervisor_options.ts";
import type { TunnelEvent } from "./tunnel_event.ts";
import { TunnelFactory } from "./tunnel_factory.ts";
import { TunnelRun } from "./tunnel_run.ts";
import { TunnelStatus } from "./tunnel_status.ts";

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

/** One tunnel of a supervisor: bound anew on each connection. */
export class TunnelSupervisor {
  /** Its place among the supervisor's tunnels. */
  index: number;

  readonly #context: SupervisorContext;
  readonly #status: TunnelStatus;
  readonly #factory: TunnelFactory;
  readonly #life = new AbortController();
  readonly #sleeper = new Sleeper();
  readonly #pause = new Pause();

  /** @throws {ArgumentError} if the tunnel's options cannot be used. */
  constructor(
    index: number,
    options: SupervisedTunnel,
    context: SupervisorContext,
  ) {
    this.index = index;
    this.#context = context;
    this.#status = new TunnelStatus(toBind(options.bind), context.changed);
    checkMs("targetTimeoutMs", options.targetTimeoutMs);
    checkMs("lingerMs", options.lingerMs);
    this.#factory = new TunnelFactory(
      options,
      this.#status.asked,
      context.options.logger ?? silentLogger,
      (event) => this.#emit(event),
    );
  }

  /** What it is made with now. */
  get options(): SupervisedTunnel {
    return this.#factory.options;
  }

  /** What it does now. */
  get state(): SupervisedTunnelState {
    return this.#status.state;
  }

  /** Why it is not up. */
  get error(): RForwardError | undefined {
    return this.#status.error;
  }

  /** Its state at this moment. */
  snapshot(): SupervisedTunnelSnapshot {
    const { state, asked, bound, probe, error, reason, until } = this.#status;
    const { dialer, admission, totals } = this.#factory;
    return defined({
      ...{ state, asked, bound, target: dialer.name, probe, error },
      reason: error && reason,
      ...{ until, admission },
      ...totals.now,
    });
  }

  /** See {@linkcode TunnelFactory.adopt}. */
  adopt(options: SupervisedTunnel, isOtherTarget: boolean): () => void {
    return this.#factory.adopt(options, isOtherTarget);
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
    const { options, probes, answered } = this.#context;
    const parts = {
      ...{ options, probes, answered },
      status: this.#status,
      factory: this.#factory,
      pause: this.#pause,
      sleeper: this.#sleeper,
      emit: (event: TunnelEvent) => this.#emit(event),
    };
    await new TunnelRun(parts, connection, signal, first).run();
  }

  /** See {@linkcode TunnelStatus.disconnect}. */
  disconnect(): void {
    this.#status.disconnect();
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

  /** Requests its port now, if it is waiting. */
  wake(): void {
    this.#sleeper.wake();
  }

  /** Settles once the connections are over that are live now. */
  drained(): Promise<void> {
    return this.#factory.totals.drained();
  }

  /**
   * Binds on a connection that is to take over from the one that it is on.
   *
   * @returns whether the server listens on both now; undefined if there was nothing to bind.
   */
  async prepare(connection: SshConnection): Promise<boolean | undefined> {
    const { state, asked } = this.#status;
    const { checkTarget } = this.options;
    const isBound = state === "up" || state === "checking" ||
      state === "target-down" && !checkTarget?.releaseWhenDown;
    if (!isBound) return undefined;
    // Its own socket would pass for a stale one where that cannot be told.
    const next = { bind: asked, unlinkStale: false };
    return await this.#factory.tunnels.prepare(
      this.#factory.create(connection, next),
    );
  }

  /**
   * The connection that it was prepared on does not take over: what has lost its
   * socket to that is bound again.
   */
  withdraw(): void {
    this.#factory.tunnels.withdraw();
  }

  /** See {@linkcode TunnelGenerations.retire}. */
  retire(
    connection: SshConnection,
    drainMs: number,
  ): Promise<{ released: boolean; drained: Promise<unknown> }> {
    return this.#factory.tunnels.retire(connection, drainMs);
  }

  /** Stops taking connections, lets live ones continue for a while, and counts those that finished. */
  async stop(drainMs: number): Promise<DrainResult> {
    if (this.state !== "denied") this.#status.become("stopping");
    this.#life.abort();
    const drained = await this.#factory.tunnels.stop(drainMs);
    if (this.state === "stopping") this.#status.become("down");
    return drained;
  }

  #emit(event: TunnelEvent): void {
    this.#context.emit({ ...event, tunnel: this.index });
  }
}
