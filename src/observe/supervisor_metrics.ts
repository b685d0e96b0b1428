import type { ErrorCode } from "../errors.ts";
import {
  type AdmissionRule,
  refusals,
} from "../forward/admission/admission_rules.ts";
import type {
  SupervisedTunnelSnapshot,
  SupervisedTunnelState,
  SupervisorEvent,
  SupervisorSnapshot,
  SupervisorState,
} from "../forward/supervise/supervisor_options.ts";
import { formatBind } from "../ssh/bind.ts";
import {
  DURATION_BOUNDS,
  type Instrument,
  instruments,
} from "./instruments.ts";

/** What tells the points of one metric from one another. */
export type Attributes = Readonly<Record<string, string | number>>;

/** A distribution. */
export interface Distribution {
  /** How many values were at most as large as each bound, and all of them last: not cumulated. */
  readonly buckets: readonly number[];
  /** Their sum. */
  readonly sum: number;
  /** How many there were. */
  readonly count: number;
}

/** A metric at one moment. */
export interface Metric {
  /** What it is. */
  readonly instrument: Instrument;
  /** Its values. */
  readonly points: readonly {
    readonly attributes: Attributes;
    readonly value: number | Distribution;
  }[];
}

/**
 * The metrics of a supervisor. Most are those of its snapshot, so that they
 * cost nothing until they are read; the rest are counted as events come, on
 * no connection more than one addition.
 *
 * @example
 * ```ts ignore
 * import { supervise } from "@x2go/rforward";
 * import { prometheusText, SupervisorMetrics } from "@x2go/rforward/observe";
 *
 * const metrics = new SupervisorMetrics(() => supervisor.snapshot);
 * await using supervisor = supervise({
 *   connect: { hostname: "server.example", user: "alice", agent: true },
 *   tunnels: [{ bind: { port: 8080 }, target: { port: 3000 } }],
 *   onEvent: (event) => metrics.record(event),
 * });
 * Deno.serve({ port: 9464 }, () => new Response(prometheusText(metrics.read())));
 * ```
 */
export class SupervisorMetrics {
  readonly #snapshot: () => SupervisorSnapshot;
  #isConnecting = false;
  #connects = 0;
  readonly #connectFailures = zeros([
    "connect-failed",
    "connect-timeout",
    "host-not-found",
    "authentication-failed",
  ]);
  readonly #losses = zeros(["connection-lost"]);
  readonly #buckets = Array<number>(DURATION_BOUNDS.length + 1).fill(0);
  #durations = 0;
  #durationSum = 0;

  /**
   * Starts with nothing counted.
   *
   * @param snapshot Gives the supervisor's snapshot when metrics are read.
   */
  constructor(snapshot: () => SupervisorSnapshot) {
    this.#snapshot = snapshot;
  }

  /** Counts an event. */
  record(event: SupervisorEvent): void {
    switch (event.type) {
      case "connecting":
        this.#isConnecting = true;
        break;
      case "connected":
        this.#isConnecting = false;
        this.#connects++;
        break;
      case "waiting":
      case "switching":
      case "hand-over-failed":
      case "stopped":
        // Whichever comes first says why the attempt has failed.
        if (this.#isConnecting && event.error) {
          increment(this.#connectFailures, event.error.code);
        }
        this.#isConnecting = false;
        break;
      case "lost":
        increment(this.#losses, event.error.code);
        break;
      case "closed": {
        const seconds = event.ms / 1000;
        const at = DURATION_BOUNDS.findIndex((bound) => seconds <= bound);
        this.#buckets[at < 0 ? DURATION_BOUNDS.length : at]!++;
        this.#durations++;
        this.#durationSum += seconds;
      }
    }
  }

  /** All metrics as they are now. */
  read(): Metric[] {
    const { state, tunnels } = this.#snapshot();
    const about = tunnels.map((tunnel, index) => ({
      tunnel,
      attributes: {
        "rforward.tunnel": index,
        "rforward.bind": formatBind(tunnel.asked),
        "rforward.target": tunnel.target,
      },
    }));
    const each = (
      instrument: Instrument,
      points: (tunnel: SupervisedTunnelSnapshot) => [Attributes, number][],
    ): Metric => ({
      instrument,
      points: about.flatMap(({ tunnel, attributes }) =>
        points(tunnel).map(([more, value]) => ({
          attributes: { ...attributes, ...more },
          value,
        }))
      ),
    });
    return [
      {
        instrument: instruments.state,
        points: stateSet(states, state)
          .map(([attributes, value]) => ({ attributes, value })),
      },
      one(instruments.connects, this.#connects),
      byError(instruments.connectFailures, this.#connectFailures),
      byError(instruments.losses, this.#losses),
      each(
        instruments.tunnelState,
        ({ state }) => stateSet(tunnelStates, state),
      ),
      each(instruments.active, ({ live }) => [[{}, live]]),
      each(instruments.connections, ({ total }) => [[{}, total]]),
      each(instruments.failures, ({ failed }) => [[{}, failed]]),
      each(
        instruments.refusals,
        ({ admission }) =>
          Object.keys(admission ? refusals : {}).map((rule) => [
            { "rforward.rule": rule },
            admission?.refusedBy[rule as AdmissionRule] ?? 0,
          ]),
      ),
      each(instruments.io, ({ bytesToTarget, bytesToServer }) => [
        [{ "rforward.direction": "to_target" }, bytesToTarget],
        [{ "rforward.direction": "to_server" }, bytesToServer],
      ]),
      one(instruments.duration, {
        buckets: [...this.#buckets],
        sum: this.#durationSum,
        count: this.#durations,
      }),
    ];
  }
}

/**
 * Counters of what is to be expected. One that first appears with its first
 * event never rises to Prometheus, which would not show that event.
 */
function zeros(codes: ErrorCode[]): Map<string, number> {
  return new Map(codes.map((code) => [code, 0]));
}

/** All states: a new one that is missing here does not compile. */
const states: Record<SupervisorState, true> = {
  connecting: true,
  up: true,
  degraded: true,
  waiting: true,
  stopping: true,
  stopped: true,
};
const tunnelStates: Record<SupervisedTunnelState, true> = {
  down: true,
  binding: true,
  checking: true,
  up: true,
  waiting: true,
  denied: true,
  paused: true,
  "target-down": true,
  stopping: true,
};

/** 1 for the state it is in and 0 for the others, so that none of them is ever missing. */
function stateSet<S extends string>(
  all: Record<S, true>,
  current: S,
): [Attributes, number][] {
  return Object.keys(all).map((state) => [
    { "rforward.state": state },
    state === current ? 1 : 0,
  ]);
}

function one(
  instrument: Instrument,
  value: number | Distribution,
  attributes: Attributes = {},
): Metric {
  return { instrument, points: [{ attributes, value }] };
}

function byError(
  instrument: Instrument,
  counts: ReadonlyMap<string, number>,
): Metric {
  return {
    instrument,
    points: Array.from(counts, ([code, value]) => ({
      attributes: { "error.type": code },
      value,
    })),
  };
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
