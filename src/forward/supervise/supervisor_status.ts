import { type RForwardError, TargetError } from "../../errors.ts";
import type { Reconnector } from "./connection/reconnector.ts";
import type { SupervisedTunnels } from "./tunnels/supervised_tunnels.ts";
import type { SupervisorState } from "./supervisor_options.ts";
import type { TunnelSupervisor } from "./tunnels/tunnel_supervisor.ts";

/** What a supervisor does now, derived from its connection and its tunnels. */
export class SupervisorStatus {
  readonly #tunnels: Pick<
    SupervisedTunnels,
    "all" | "answered" | "hasAnswered"
  >;
  readonly #reconnector: Pick<Reconnector, "wait">;
  readonly #allOrNothing: boolean;
  readonly #entered: (state: SupervisorState) => void;
  #state: SupervisorState = "connecting";
  #since = new Date();
  #error: RForwardError | undefined;
  #wasUp = false;
  #changes = 0;
  #change = Promise.withResolvers<void>();

  /** @param entered Called with each new state. */
  constructor(
    parts: {
      tunnels: Pick<SupervisedTunnels, "all" | "answered" | "hasAnswered">;
      reconnector: Pick<Reconnector, "wait">;
      allOrNothing: boolean;
    },
    entered: (state: SupervisorState) => void,
  ) {
    this.#tunnels = parts.tunnels;
    this.#reconnector = parts.reconnector;
    this.#allOrNothing = parts.allOrNothing;
    this.#entered = entered;
  }

  get state(): SupervisorState {
    return this.#state;
  }

  /** Since when it is connected, or not. */
  get since(): Date {
    return this.#since;
  }

  /** Why it is not up. */
  get error(): RForwardError | undefined {
    return this.#error;
  }

  set error(error: RForwardError | undefined) {
    this.#error = error;
  }

  /** Whether a tunnel that is denied now ends it all. */
  get needsAll(): boolean {
    return !this.#wasUp && this.#allOrNothing;
  }

  /** Settles with the next change. */
  get changed(): Promise<void> {
    return this.#change.promise;
  }

  /** What `read` gives now and after each change, until it has stopped. */
  async *watch<T>(read: () => T): AsyncGenerator<T> {
    let seen = -1;
    while (true) {
      if (seen === this.#changes) await this.changed;
      seen = this.#changes;
      const isLast = this.#state === "stopped";
      yield read();
      if (isLast) return;
    }
  }

  /**
   * Derives the state.
   *
   * @returns why it can no longer succeed, if so.
   */
  update(
    now: { isConnected: boolean; isStopping: boolean },
  ): RForwardError | undefined {
    const state = this.#judge(now);
    const { all, answered } = this.#tunnels;
    const isSettled = now.isConnected && answered && !now.isStopping;
    const isHopeless = isSettled && all.some(isDenied) &&
      (this.needsAll && state === "degraded" ||
        all.every((tunnel) => tunnel.state === "denied"));
    if (isHopeless) return all.find(isDenied)!.error;
    this.#become(state);
    return undefined;
  }

  /** It has stopped. */
  stopped(): void {
    this.#become("stopped");
  }

  #judge(
    { isConnected, isStopping }: { isConnected: boolean; isStopping: boolean },
  ): SupervisorState {
    if (isStopping) return "stopping";
    if (!isConnected) {
      const { wait } = this.#reconnector;
      this.#error = wait?.error;
      return wait ? "waiting" : "connecting";
    }
    const { all, answered } = this.#tunnels;
    // If it is, one was added, or another connection has taken over.
    const isSettled = this.#state === "up" || this.#state === "degraded";
    if (!answered && !isSettled) return "connecting";
    const bad = all.find((tunnel) =>
      this.#tunnels.hasAnswered(tunnel) && !isGood(tunnel)
    );
    if (!answered && !bad) return this.#state;
    this.#error = bad?.error;
    return bad ? "degraded" : "up";
  }

  #become(state: SupervisorState): void {
    if (state !== this.#state) {
      // While it is not connected, what counts is since when.
      if (!isDown(state) || !isDown(this.#state)) this.#since = new Date();
      this.#state = state;
      if (state === "up") this.#wasUp = true;
      this.#entered(state);
    }
    this.#changes++;
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}

/** Whether the server would not bind it, for now or for good; also while it is asked again. */
function isDenied({ state, error }: TunnelSupervisor): boolean {
  const isAskedAgain = state === "binding" && error !== undefined &&
    !(error instanceof TargetError);
  return state === "waiting" || state === "denied" || isAskedAgain;
}

function isGood({ state }: TunnelSupervisor): boolean {
  return state === "up" || state === "paused";
}

function isDown(state: SupervisorState): boolean {
  return state === "connecting" || state === "waiting";
}
