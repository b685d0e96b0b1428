import type { RForwardError } from "../../../errors.ts";
import { isTcp } from "../../../ssh/bind.ts";
import type { Bind } from "../../../ssh/connection.ts";
import type { DenialReason } from "../../verify/denial.ts";
import type { ProbeResult } from "../../verify/probe.ts";
import type { SupervisedTunnelState } from "../supervisor_options.ts";

/** What a supervised tunnel does now, and why. */
export class TunnelStatus {
  /** What the user asked for. */
  readonly asked: Bind;
  /** What to ask for: with the port that the server chose, once it has. */
  bound: Bind;
  /** Whether the port was ours at some time. */
  held = false;
  /** Why the server denied the port. */
  reason: DenialReason | undefined;
  /** Who answered at the port. */
  probe: ProbeResult | undefined;

  #state: SupervisedTunnelState = "down";
  #error: RForwardError | undefined;
  #until: Date | undefined;
  readonly #changed: () => void;

  /** @param changed Called when the state has changed. */
  constructor(asked: Bind, changed: () => void) {
    this.asked = this.bound = asked;
    this.#changed = changed;
  }

  get state(): SupervisedTunnelState {
    return this.#state;
  }

  /** Why it is not up. */
  get error(): RForwardError | undefined {
    return this.#error;
  }

  /** Until when it waits. */
  get until(): Date | undefined {
    return this.#until;
  }

  /** Changes the state. */
  become(
    state: SupervisedTunnelState,
    error?: RForwardError,
    until?: Date,
  ): void {
    this.#state = state;
    this.#error = error;
    this.#until = until;
    this.#changed();
  }

  /** There is no connection: whoever ends it reports that, once for all tunnels. */
  disconnect(): void {
    if (this.#state === "denied" || this.#state === "stopping") return;
    this.#state = "down";
    this.#error = this.#until = this.probe = undefined;
  }

  /**
   * Lets the server choose another port, if the port was its choice.
   *
   * @returns whether it may.
   */
  letServerChooseAgain(): boolean {
    if (!isTcp(this.asked) || this.asked.port > 0) return false;
    this.bound = this.asked;
    return true;
  }
}
