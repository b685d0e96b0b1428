import { delay } from "../../delay.ts";
import { ForwardDeniedError, RForwardError } from "../../errors.ts";
import { type Logger, silentLogger } from "../../logger.ts";
import { formatBind, isTcp } from "../../ssh/bind.ts";
import type { Bind, SshConnection } from "../../ssh/connection.ts";
import { checkMs } from "../../validate.ts";
import { toBind } from "../tunnel/bind_options.ts";
import { createDialer } from "../tunnel/target.ts";
import { ReverseTunnel } from "../tunnel/tunnel.ts";
import { probe, type ProbeResult } from "../verify/probe.ts";
import { askedReach } from "../verify/reach.ts";
import {
  isHeld,
  type Refusal,
  refusalError,
  whyRefused,
} from "../verify/refusal.ts";
import { Backoff } from "./backoff.ts";
import type { ProbeGuard } from "./probe_guard.ts";
import type {
  SupervisedTunnel,
  SupervisedTunnelSnapshot,
  SupervisedTunnelState,
  SupervisorEvent,
  SupervisorOptions,
} from "./supervisor_options.ts";
import { TunnelTotals } from "./tunnel_totals.ts";

/** What a tunnel gets from its supervisor. */
export interface SupervisorContext {
  readonly options: SupervisorOptions;
  /** Whether the server may be asked to connect to what it has bound. */
  readonly probes: ProbeGuard;
  /** The server has answered a request to listen, in one way or the other. */
  readonly answered: () => void;
  /** Passes on what happened. */
  readonly tell: (event: SupervisorEvent) => void;
  /** The tunnel is in another state. */
  readonly changed: () => void;
}

/** How long a port that the server once chose is asked for again before it may choose another one, in milliseconds. */
const SAME_PORT_MS = 60_000;

/** How long the connections of a port that was given up may go on, in milliseconds: the longest timer there is. */
const DRAIN_MS = 2 ** 31 - 1;

/** One tunnel of a supervisor: bound anew on each connection. */
export class TunnelSupervisor {
  /** Its place among the supervisor's tunnels. */
  index: number;
  /** What it was made with. */
  readonly options: SupervisedTunnel;

  readonly #context: SupervisorContext;
  readonly #logger: Logger;
  readonly #asked: Bind;
  readonly #target: string;
  /** What of the port was settled on the connections before. */
  #bound: Bind;
  #held = false;
  /** The one that is bound, and those whose connections may go on. */
  readonly #tunnels = new Set<ReverseTunnel>();
  #state: SupervisedTunnelState = "down";
  #error: RForwardError | undefined;
  #why: Refusal | undefined;
  #until: Date | undefined;
  #probe: ProbeResult | undefined;
  /** Why the server would not bind on this connection; it is looked at once, see {@linkcode isHeld}. */
  #refusal: Refusal | undefined;
  /** Who else answered at the port on this connection. */
  #others: { addresses: readonly string[]; error: RForwardError } | undefined;
  readonly #life = new AbortController();
  readonly #totals = new TunnelTotals();

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
    checkMs("connectTimeoutMs", options.connectTimeoutMs);
    checkMs("lingerMs", options.lingerMs);
    this.#target = createDialer(options.target).name;
  }

  /** What it does now. */
  get state(): SupervisedTunnelState {
    return this.#state;
  }

  /** Why it is not up. */
  get error(): RForwardError | undefined {
    return this.#error;
  }

  /** All that can be told of it now. */
  snapshot(): SupervisedTunnelSnapshot {
    return {
      state: this.#state,
      asked: this.#asked,
      bound: this.#bound,
      target: this.#target,
      ...(this.#probe && { probe: this.#probe }),
      ...(this.#error && { error: this.#error }),
      ...(this.#error && this.#why && { refusal: this.#why }),
      ...(this.#until && { until: this.#until }),
      ...this.#totals.now,
    };
  }

  /**
   * Keeps the tunnel up on a connection, until that ends, the signal aborts or
   * the tunnel is stopped.
   *
   * @param until Aborts when the supervisor stops.
   * @param first Called when the first answer is there, good or bad.
   */
  async keep(
    connection: SshConnection,
    until: AbortSignal,
    first: () => void,
  ): Promise<void> {
    const signal = AbortSignal.any([
      until,
      connection.signal,
      this.#life.signal,
    ]);
    const { bindBackoff, bindRetryForMs = Infinity } = this.#context.options;
    const backoff = new Backoff({ maxMs: 10_000, ...bindBackoff });
    let since = 0;
    this.#refusal = this.#others = undefined;
    try {
      while (this.#state !== "refused") {
        const refusal = await this.#hold(connection, signal, first, backoff);
        if (backoff.failures === 0) since = performance.now();
        const waited = performance.now() - since;
        if (refusal.why === "prohibited" || waited >= bindRetryForMs) {
          this.#refuse(refusal);
        } else {
          await this.#wait(refusal, backoff.next(), signal, first);
          if (waited >= SAME_PORT_MS) this.#letServerChooseAgain();
        }
        first();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      if (this.#state !== "refused" && this.#state !== "stopping") {
        this.#become("down");
      }
      first();
    }
  }

  /** Lets live connections go on to their end, for a while, and takes no others. */
  async stop(drainMs: number): Promise<void> {
    if (this.#state !== "refused") this.#become("stopping");
    this.#life.abort();
    const ends = [...this.#tunnels].map((tunnel) => tunnel.stop({ drainMs }));
    await Promise.all(ends);
    if (this.#state === "stopping") this.#become("down");
  }

  /**
   * Binds, and stays so.
   *
   * @returns why it is not, or no longer.
   */
  async #hold(
    connection: SshConnection,
    signal: AbortSignal,
    first: () => void,
    backoff: Backoff,
  ): Promise<{ why: Refusal; error: RForwardError }> {
    this.#probe = undefined;
    this.#become("binding", this.#error);
    const others = this.#others;
    if (others && await isHeld(connection, this.#bound, others.addresses)) {
      return { why: "taken", error: others.error };
    }
    signal.throwIfAborted();
    const cancelled = new AbortController();
    const tunnel = this.#create(
      connection,
      (bind) =>
        cancelled.abort(
          new RForwardError(
            "tunnel-stopped",
            `${formatBind(bind)} was cancelled on this connection`,
          ),
        ),
    );
    try {
      await tunnel.start();
    } catch (error) {
      await tunnel.stop();
      if (!(error instanceof ForwardDeniedError)) throw error;
      this.#context.answered();
      const why = this.#refusal ??= await this.#whyRefused(
        connection,
        error,
        signal,
      );
      // What it did once, it does not prohibit.
      const known = why === "prohibited" && this.#held ? "unknown" : why;
      return { why: known, error: refusalError(this.#bound, known, error) };
    }
    this.#context.answered();
    signal.throwIfAborted();
    const { bound } = tunnel;
    const { verify = true } = this.#context.options;
    const checking = verify !== false;
    this.#bound = bound;
    this.#tell({
      type: "bound",
      asked: this.#asked,
      bound,
      target: this.#target,
      checking,
    });
    if (checking) this.#become("checking", this.#error);
    const period = AbortSignal.any([signal, cancelled.signal]);
    try {
      const bad = await this.#stayUp(connection, bound, period, () => {
        backoff.reset();
        first();
      });
      if (!this.#held) this.#letServerChooseAgain();
      return { why: "taken", error: bad };
    } catch (error) {
      if (signal.aborted || !cancelled.signal.aborted) throw error;
      return { why: "unknown", error: cancelled.signal.reason };
    } finally {
      // Live connections are not to blame. What releases the port goes out
      // before it is asked for again.
      if (!signal.aborted) void tunnel.stop({ drainMs: DRAIN_MS });
    }
  }

  /**
   * Looks who answers at a port that is bound, as often as that is asked for.
   *
   * @param up Called once it is known to be ours.
   * @returns why it is not.
   * @throws the signal's reason, once it aborts.
   */
  async #stayUp(
    connection: SshConnection,
    bound: Bind,
    signal: AbortSignal,
    up: () => void,
  ): Promise<RForwardError> {
    const { verify = true } = this.#context.options;
    for (let isUp = false;; isUp = true) {
      signal.throwIfAborted();
      const bad = verify && await this.#verify(connection, bound, signal);
      if (bad) return bad;
      if (!isUp) {
        this.#held = true;
        this.#refusal = this.#others = undefined;
        this.#become("up");
        up();
      }
      if (typeof verify === "object") await delay(verify.everyMs, signal);
      else await aborted(signal);
    }
  }

  /** @returns why it is not ours alone, if it is not. */
  async #verify(
    connection: SshConnection,
    bound: Bind,
    signal: AbortSignal,
  ): Promise<RForwardError | undefined> {
    const { probes } = this.#context;
    const reach = this.#probe?.reach;
    const found = this.#probe = probes.allows(connection)
      ? await probes.watch(connection, () =>
        probe(connection, bound, {
          signal,
          // What a bind reaches does not change while the server holds it.
          reach: reach === "unknown" ? undefined : reach,
        }))
      : {
        verdict: "unverifiable",
        addresses: [],
        reach: "unknown",
        askedReach: askedReach(bound),
        ms: 0,
      };
    this.#tell({ type: "verified", bound, probe: found });
    const { verdict, warning } = found;
    if (warning && reach !== found.reach && !this.#context.options.onEvent) {
      this.#logger.warn(warning);
    }
    if (verdict === "verified" || verdict === "unverifiable") return undefined;
    const addresses = found.addresses
      .filter(({ answer }) => answer === "foreign")
      .map(({ address }) => address);
    const error = new ForwardDeniedError(
      bound,
      verdict === "unreachable"
        ? `nothing answers at ${
          formatBind(bound)
        } on the server, although it said that it listens`
        : `another program answers at ${addresses.join(" and ")} port ${
          isTcp(bound) ? bound.port : formatBind(bound)
        } on the server`,
    );
    this.#others = { addresses, error };
    return error;
  }

  async #whyRefused(
    connection: SshConnection,
    error: ForwardDeniedError,
    signal: AbortSignal,
  ): Promise<Refusal> {
    const { probes } = this.#context;
    if (!probes.allows(connection)) return "unknown";
    return await probes.watch(
      connection,
      () => whyRefused(connection, this.#bound, error, signal),
    );
  }

  #create(
    connection: SshConnection,
    onCancelled: (bound: Bind) => void,
  ): ReverseTunnel {
    const { onConnection, onTargetError, ...options } = this.options;
    const tunnel = new ReverseTunnel(connection, {
      unlinkStale: this.#held,
      ...options,
      bind: this.#bound,
      // That is the supervisor's to see to.
      retryDelayMs: 1,
      retryForMs: 0,
      onCancelled: () => onCancelled(tunnel.bound),
      // Its events tell the same as what is dropped here.
      logger: {
        ...silentLogger,
        warn: (...args) => this.#logger.warn(...args),
        error: (...args) => this.#logger.error(...args),
      },
      onRequestDenied: () => {},
      onConnection: (connection) => {
        this.#totals.add(connection);
        this.#tell({ type: "connection", connection });
        onConnection?.(connection);
      },
      onTargetError: (error, originator) => {
        const failed = this.#totals.fail(error);
        this.#tell({ type: "target-error", error, originator, failed });
        onTargetError?.(error, originator);
      },
    });
    this.#tunnels.add(tunnel);
    tunnel.closed.then(() => this.#tunnels.delete(tunnel));
    return tunnel;
  }

  #refuse({ why, error }: { why: Refusal; error: RForwardError }): void {
    this.#tell({ type: "refused", asked: this.#bound, why, error });
    this.#why = why;
    this.#become("refused", error);
  }

  async #wait(
    { why, error }: { why: Refusal; error: RForwardError },
    ms: number,
    signal: AbortSignal,
    first: () => void,
  ): Promise<void> {
    this.#tell({ type: "refused", asked: this.#bound, why, error, ms });
    this.#why = why;
    this.#become("waiting", error, new Date(Date.now() + ms));
    first();
    await delay(ms, signal);
  }

  /** Where it chose the port, any other will do as well as one that is somebody else's. */
  #letServerChooseAgain(): void {
    if (!isTcp(this.#asked) || this.#asked.port > 0) return;
    this.#bound = this.#asked;
    this.#others = undefined;
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

  #tell(event: TunnelEvent): void {
    this.#context.tell({ ...event, tunnel: this.index });
  }
}

/** What is told of a tunnel, but for its place. */
type TunnelEvent = WithoutTunnel<Extract<SupervisorEvent, { tunnel: number }>>;
type WithoutTunnel<E> = E extends unknown ? Omit<E, "tunnel"> : never;

/** Rejects with the signal's reason once it aborts. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), {
      once: true,
    });
  });
}
