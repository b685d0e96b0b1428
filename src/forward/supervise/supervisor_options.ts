import type { ChannelError, RForwardError, TargetError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import type {
  Bind,
  ExitStatus,
  Originator,
  ServerInfo,
  SshConnection,
} from "../../ssh/connection.ts";
import type { ConnectOptions } from "../../ssh/options.ts";
import type { TunnelConnection } from "../tunnel/tunnel_connection.ts";
import type { TunnelOptions } from "../tunnel/tunnel_options.ts";
import type { ProbeResult } from "../verify/probe.ts";
import type { Refusal } from "../verify/refusal.ts";
import type { BackoffOptions } from "./backoff.ts";

/** A tunnel that is to stay up: what {@linkcode TunnelOptions} say, but for what the supervisor sees to. */
export type SupervisedTunnel = Pick<
  TunnelOptions,
  | "bind"
  | "target"
  | "connectTimeoutMs"
  | "lingerMs"
  | "unlinkStale"
  | "onConnection"
  | "onTargetError"
>;

/**
 * When a supervisor opens a session on its connection.
 *
 * Public tunnel services (sish, serveo, srv.us and others) write the address
 * that they give out on a session, and some forward nothing without one.
 *
 * - `"auto"`: where the server is neither OpenSSH nor dropbear, or does not
 *   answer a request to listen within 2 s. That it refuses is no matter.
 * - `"always"`: on each connection, with the user's shell.
 * - `"never"`
 * - `{ command }`: as `"always"`, with a command instead of the shell.
 */
export type SessionMode = "auto" | "always" | "never" | { command: string };

/** Options of {@linkcode supervise}. */
export interface SupervisorOptions {
  /** How to connect, each time anew: options of {@linkcode connect}, or a function. */
  connect:
    | Omit<ConnectOptions, "signal">
    | ((signal: AbortSignal) => Promise<SshConnection>);
  /** What to bind on each connection. */
  tunnels: readonly SupervisedTunnel[];
  /** How long to wait between connections. */
  backoff?: BackoffOptions;
  /** How many times in a row connecting may fail before it is given up. As often as it takes, by default. */
  maxAttempts?: number;
  /** Ends it all if a tunnel cannot be bound at the start (ssh: `ExitOnForwardFailure`). */
  allOrNothing?: boolean;
  /** How long to wait between requests for a port that somebody holds; 100 and 10000 ms by default. */
  bindBackoff?: BackoffOptions;
  /**
   * How long a port that somebody holds is asked for again, in milliseconds.
   * As long as it takes, by default: it may be our own last session, which the
   * server has not missed yet.
   */
  bindRetryForMs?: number;
  /**
   * Whether to look who answers at a port once it is bound (see
   * {@linkcode probe}), and how often again, in milliseconds. True by default:
   * once. A port at which somebody else answers counts as one that is taken.
   */
  verify?: boolean | { everyMs: number };
  /**
   * Whether to open a session on each connection and tell what the server
   * writes there, line by line (`session-output`). `"never"` by default.
   */
  session?: SessionMode;
  /** Called with each new connection. */
  onConnect?: (connection: SshConnection) => void | Promise<void>;
  /** Told what happens, as it happens. */
  onEvent?: (event: SupervisorEvent) => void;
  /** Stops it. */
  signal?: AbortSignal;
  /** Where the connections and tunnels tell what happens; nowhere by default. */
  logger?: Logger;
}

/**
 * What a {@linkcode Supervisor} does.
 *
 * - `connecting`: until the first answers are there for all tunnels.
 * - `up`: all tunnels are bound, and verified where that was asked for.
 * - `degraded`: connected, but not all of them are.
 * - `waiting`: not connected, until it tries again.
 * - `stopping`: it was asked to stop; live connections may go on for a while.
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
 *   looked at. Connections are served already.
 * - `up`: bound, and verified where that was asked for.
 * - `waiting`: the port is in use; it will be asked for again.
 * - `refused`: for good.
 * - `stopping`: takes no connections; live ones may go on for a while.
 */
export type SupervisedTunnelState =
  | "down"
  | "binding"
  | "checking"
  | "up"
  | "waiting"
  | "refused"
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
  /** Who answered at the port when that was looked at last. */
  probe?: ProbeResult;
  /** Why it is not up. */
  error?: RForwardError;
  /** The same in a word, where the server refused or another program answers. */
  refusal?: Refusal;
  /** When it is asked for again. */
  until?: Date;
  /** Connections that are live now. */
  live: number;
  /** All connections so far that the target took. */
  total: number;
  /** Connections so far that were refused, because the target did not take them. */
  failed: number;
  /** Why the target did not take the last connection; undefined once it took one again. */
  targetError?: TargetError;
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
  /** How many times a connection was lost and made anew. */
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
  /** Connecting failed, or the connection was lost: it is tried again. */
  | { type: "waiting"; error: RForwardError; ms: number; until: Date }
  /** The server says that it listens; `checking` if `verified` is to follow, and only then is it known who answers. */
  | {
    type: "bound";
    tunnel: number;
    asked: Bind;
    bound: Bind;
    target: string;
    checking: boolean;
  }
  | { type: "verified"; tunnel: number; bound: Bind; probe: ProbeResult }
  /** The server would not bind, or somebody else answers; `ms` until it is asked again, undefined if it is not. */
  | {
    type: "refused";
    tunnel: number;
    asked: Bind;
    why: Refusal;
    error: RForwardError;
    ms?: number;
  }
  | { type: "connection"; tunnel: number; connection: TunnelConnection }
  /** A connection was refused because the target did not take it; `failed` counts those of the tunnel. */
  | {
    type: "target-error";
    tunnel: number;
    error: TargetError;
    originator: Originator;
    failed: number;
  }
  /** What the server wrote on the session: a line without control characters. A flood of them is cut. */
  | { type: "session-output"; stream: "stdout" | "stderr"; text: string }
  /** The session has ended, or the server refused it (`error`). The tunnels stay. */
  | { type: "session-ended"; status?: ExitStatus; error?: ChannelError }
  /** This process did not run for so many milliseconds; the connection is tried. */
  | { type: "slept"; ms: number }
  | { type: "state"; state: SupervisorState }
  | { type: "stopped"; error?: RForwardError };
