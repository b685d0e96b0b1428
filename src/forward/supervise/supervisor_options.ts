import type { Kinds } from "../../check_kinds.ts";
import type { ChannelError, RForwardError, TargetError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import type {
  Bind,
  ExitStatus,
  Originator,
  ServerInfo,
  SshConnection,
} from "../../ssh/connection.ts";
import type { ConnectOptions } from "../../ssh/connect_options.ts";
import type { RetryOptions } from "../tunnel/retry_options.ts";
import type { AdmissionCounts } from "../admission/admission.ts";
import type { AdmissionRefusal } from "../admission/admission_rules.ts";
import type { HandOverResult } from "./hand_over.ts";
import type { CheckTargetOptions } from "./tunnels/target_health.ts";
import type { TunnelConnection } from "../tunnel/tunnel_connection.ts";
import type { TunnelOptions } from "../tunnel/tunnel_options.ts";
import type { ProbeResult } from "../verify/probe.ts";
import type { DenialReason } from "../verify/denial.ts";

/** A tunnel that stays up: {@linkcode TunnelOptions}, without those that the supervisor sets itself. */
export type SupervisedTunnel =
  & {
    /**
     * Dials the target now and then, to know whether it answers before anyone
     * connects. Off by default; possible for targets with an address.
     */
    checkTarget?: CheckTargetOptions;
  }
  & Pick<
    TunnelOptions,
    | "bind"
    | "target"
    | "targetTimeoutMs"
    | "lingerMs"
    | "unlinkStale"
    | "admission"
    | "onConnection"
    | "onTargetError"
    | "onRefused"
  >;

/**
 * When a supervisor opens a session on its connection.
 *
 * Public tunnel services (sish, serveo, srv.us and others) write the address
 * that they give out on a session, and some forward nothing without one.
 *
 * - `"auto"`: where the server is neither OpenSSH nor dropbear, or does not
 *   answer a request to listen within 2 s. A denial makes no difference.
 * - `"always"`: on each connection, with the user's shell.
 * - `"never"`
 * - `{ command }`: as `"always"`, with a command instead of the shell.
 */
export type SessionMode = "auto" | "always" | "never" | { command: string };

/** How a supervisor connects to a server, for each attempt: options of {@linkcode connect}, or a function. */
export type ConnectWith =
  | Omit<ConnectOptions, "signal">
  | ((signal: AbortSignal) => Promise<SshConnection>);

/**
 * When a supervisor changes between the servers of
 * {@linkcode SupervisorOptions.connect}.
 */
export interface FallbackOptions {
  /**
   * How long connecting to a server may fail before the next one is tried, in
   * milliseconds. A connection that is lost within 10 s counts as a failure. It is the next one's turn at once where another attempt
   * cannot help, such as after a login that was refused.
   *
   * @default {30000}
   */
  afterMs?: number;
  /**
   * How often the first server is tried while another one is in use, in
   * milliseconds. If it is lost within that time after the return, the other one
   * is used again at once, and the time doubles, up to an hour.
   *
   * @default {60000}
   */
  returnEveryMs?: number;
  /**
   * When to return to the first server once it is back: while no connection
   * through the tunnels is live, or at once, which ends those that are.
   *
   * @default {"idle"}
   */
  returnWhen?: "idle" | "at-once" | "never";
}

/** Options of {@linkcode supervise}. */
export interface SupervisorOptions {
  /** How to connect; of several servers, the next one is used when one cannot be reached, as {@linkcode fallback} says. */
  connect: ConnectWith | readonly ConnectWith[];
  /** When to change between servers. */
  fallback?: FallbackOptions;
  /** What to bind on each connection. */
  tunnels: readonly SupervisedTunnel[];
  /**
   * How to connect again after a failure or a loss. Each wait is at random
   * between half of what it could be and all of it. It stops once `forMs` is over.
   *
   * @default {{ firstMs: 100, maxMs: 60000, forMs: Infinity }}
   */
  connectRetry?: RetryOptions;
  /** Stops after this many failed attempts to connect in a row, to each server. No limit by default. */
  maxAttempts?: number;
  /** Stops if a tunnel cannot be bound at the start (ssh: `ExitOnForwardFailure`). */
  allOrNothing?: boolean;
  /**
   * How to ask again for a port that is in use; waits as for
   * {@linkcode connectRetry}. Without a limit by default: our own last session
   * may hold the port until the server notices that it is gone.
   *
   * @default {{ firstMs: 100, maxMs: 10000, forMs: Infinity }}
   */
  bindRetry?: RetryOptions;
  /**
   * Whether to check who answers at a port once it is bound (see
   * {@linkcode probe}), or how often, in milliseconds. A port at which another
   * program answers counts as in use.
   *
   * @default {true}
   */
  verify?: boolean | { everyMs: number };
  /**
   * Whether to open a session on each connection and report what the server
   * writes there, line by line (`session-output`).
   *
   * @default {"never"}
   */
  session?: SessionMode;
  /** Called with each new connection. */
  onConnect?: (connection: SshConnection) => void | Promise<void>;
  /** Called with each event. */
  onEvent?: (event: SupervisorEvent) => void;
  /** Stops the supervisor. */
  signal?: AbortSignal;
  /** Logger of the connections and tunnels; silent by default. */
  logger?: Logger;
}

/**
 * What a {@linkcode Supervisor} does.
 *
 * - `connecting`: until the server has answered for all tunnels.
 * - `up`: all tunnels are bound, verified where that was asked for, and their
 *   targets answer where they are checked (`checkTarget`). Paused ones do not
 *   count, nor do those of which the outcome is open: just added, or being bound
 *   on a connection that has taken over.
 * - `degraded`: connected, but not all of them are.
 * - `waiting`: not connected, until it tries again.
 * - `stopping`: it was asked to stop; live connections may continue for a while.
 * - `stopped`: for good.
 */
export type SupervisorState =
  | "connecting"
  | "up"
  | "degraded"
  | "waiting"
  | "stopping"
  | "stopped";

/**
 * What a supervised tunnel does.
 *
 * - `down`: there is no connection.
 * - `binding`: the server is being asked to listen.
 * - `checking`: the server says that it listens; who answers there is being
 *   checked. Connections are already served.
 * - `up`: bound, and verified where that was asked for.
 * - `target-down`: as `up`, but the target does not answer (`checkTarget`). With
 *   `releaseWhenDown` the port is given back until it does.
 * - `waiting`: the port is in use; it will be asked for again.
 * - `denied`: for good.
 * - `paused`: the port is released until it is resumed.
 * - `stopping`: takes no connections; live ones may continue for a while.
 */
export type SupervisedTunnelState =
  | "down"
  | "binding"
  | "checking"
  | "up"
  | "target-down"
  | "waiting"
  | "denied"
  | "paused"
  | "stopping";

/** A supervised tunnel at one moment. */
export interface SupervisedTunnelSnapshot {
  /** What it does. */
  state: SupervisedTunnelState;
  /** What was asked for. */
  asked: Bind;
  /** Where the server listens, or did last; {@linkcode asked} before that. */
  bound: Bind;
  /** The target, as text. */
  target: string;
  /** The result of the last check of what is bound now, or of what was denied. */
  probe?: ProbeResult;
  /** Why it is not up. */
  error?: RForwardError;
  /** The same as a code, where the server denied it or another program answers. */
  reason?: DenialReason;
  /** When the next request goes out. */
  until?: Date;
  /** Connections that are live now. */
  live: number;
  /** All connections so far that the target took. */
  total: number;
  /** Connections so far that were refused because the target did not take them. */
  failed: number;
  /** Why the target did not take the last connection; undefined once it took one again. */
  targetError?: TargetError;
  /** What its admission has counted, if it has one. */
  admission?: AdmissionCounts;
  /** Bytes from the server to the target, of all of them. */
  bytesToTarget: number;
  /** Bytes from the target to the server. */
  bytesToServer: number;
}

/** A {@linkcode Supervisor} at one moment. */
export interface SupervisorSnapshot {
  /** What it does. */
  state: SupervisorState;
  /** Since when; while it is not connected, since the connection was lost. */
  since: Date;
  /** The server, while connected. */
  server?: ServerInfo;
  /** How often a lost connection was re-established. */
  reconnects: number;
  /** Why it waits, is degraded or has stopped; undefined if it was asked to stop. */
  error?: RForwardError;
  /** When it tries again, if it waits. */
  until?: Date;
  /** Its tunnels, in the order they were given. */
  tunnels: readonly SupervisedTunnelSnapshot[];
}

/** What happened. `tunnel` is the place of the tunnel in the options, from 0. */
export type SupervisorEvent =
  | { type: "connecting"; attempt: number }
  | { type: "connected"; server: ServerInfo }
  | { type: "lost"; error: RForwardError }
  /** Connecting failed, or the connection was lost; the next attempt is in `ms`. */
  | { type: "waiting"; error: RForwardError; ms: number; until: Date }
  /**
   * Another server is used from now on: `from` and `to` are places in
   * {@linkcode SupervisorOptions.connect}, from 0. `error` tells why; without
   * it, the first one is back.
   */
  | { type: "switching"; from: number; to: number; error?: RForwardError }
  /** The machine has other addresses than before; the next attempt to connect is made now. */
  | { type: "network-changed" }
  /** The server says that it listens. With `checking`, a `verified` event follows: only then is it known who answers. */
  | {
    type: "bound";
    tunnel: number;
    asked: Bind;
    bound: Bind;
    target: string;
    checking: boolean;
  }
  | { type: "verified"; tunnel: number; bound: Bind; probe: ProbeResult }
  /** The server denied the bind, or another program answers; `ms` until the next request, undefined if there will not be one. */
  | {
    type: "denied";
    tunnel: number;
    asked: Bind;
    reason: DenialReason;
    error: RForwardError;
    ms?: number;
  }
  /** The tunnel was paused: its port is released, and its connections are closed. */
  | { type: "paused"; tunnel: number }
  /** It is resumed, and its port is bound again. */
  | { type: "resumed"; tunnel: number }
  /** A connection came in, and the target took it. */
  | { type: "opened"; tunnel: number; connection: TunnelConnection }
  /** It has ended, after `ms`; `error` tells what broke it. */
  | {
    type: "closed";
    tunnel: number;
    connection: TunnelConnection;
    ms: number;
    error?: RForwardError;
  }
  /** A connection was refused because the target did not take it; `failed` counts those of the tunnel. */
  | {
    type: "target-error";
    tunnel: number;
    error: TargetError;
    originator: Originator;
    failed: number;
  }
  /**
   * Connections were refused because of `admission`: the first by a rule is
   * reported at once, later ones once a second. `refusal` is the last of
   * `count`; `refused` counts all of the tunnel, by any rule.
   */
  | {
    type: "refused";
    tunnel: number;
    refusal: AdmissionRefusal;
    count: number;
    refused: number;
  }
  /** The target no longer answers (`checkTarget`); `released`: the port is given back until it does. */
  | {
    type: "target-down";
    tunnel: number;
    target: string;
    error: TargetError;
    released: boolean;
  }
  /** The target answers again. */
  | { type: "target-up"; tunnel: number; target: string }
  /** New connections go to this target from now on; live ones stay with theirs. */
  | { type: "target-replaced"; tunnel: number; target: string }
  /** A new connection is about to take over from the one that there is (see {@linkcode Supervisor.reconnect}). */
  | { type: "handing-over" } & HandOverResult
  /** No new connection could take over: the one that there is stays, unless it was lost. */
  | { type: "hand-over-failed"; error: RForwardError }
  /** What the server wrote on the session: a line without control characters. A flood of them is cut. */
  | { type: "session-output"; stream: "stdout" | "stderr"; text: string }
  /** The session has ended, or the server refused it (`error`). The tunnels stay. */
  | { type: "session-ended"; status?: ExitStatus; error?: ChannelError }
  /** The clock jumped by `ms`: the machine slept, the process was stopped, or the clock was set. The connection is checked. */
  | { type: "slept"; ms: number }
  | { type: "state"; state: SupervisorState }
  /** It has stopped. If it was asked to: how many live connections finished, and how many were cut. */
  | {
    type: "stopped";
    error?: RForwardError;
    finished?: number;
    cut?: number;
  };

/** The kinds of {@linkcode SupervisorOptions}. */
export const supervisorKinds: Kinds<SupervisorOptions> = {
  connect: "any",
  fallback: "any",
  tunnels: "any",
  connectRetry: "any",
  maxAttempts: "number",
  allOrNothing: "boolean",
  bindRetry: "any",
  verify: "any",
  session: "any",
  onConnect: "function",
  onEvent: "function",
  signal: "signal",
  logger: "logger",
};

/** The kinds of {@linkcode FallbackOptions}. */
export const fallbackKinds: Kinds<FallbackOptions> = {
  afterMs: "any",
  returnEveryMs: "any",
  returnWhen: "any",
};

/** The kinds of {@linkcode SupervisedTunnel}. */
export const supervisedTunnelKinds: Kinds<SupervisedTunnel> = {
  checkTarget: "any",
  bind: "any",
  target: "any",
  targetTimeoutMs: "any",
  lingerMs: "any",
  unlinkStale: "boolean",
  admission: "any",
  onConnection: "function",
  onTargetError: "function",
  onRefused: "function",
};
