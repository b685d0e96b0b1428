/**
 * What `--json` prints: one JSON object a line, each a {@linkcode JsonEvent}.
 * Names and meanings stay. New types and fields may be added; consumers ignore
 * those that they do not know.
 *
 * @module
 */

import type { ErrorCode, RForwardError } from "../../../errors.ts";
import type { ProbeAnswer } from "../../../forward/verify/look_at.ts";
import type { ProbeVerdict } from "../../../forward/verify/probe.ts";
import type { Reach } from "../../../forward/verify/reach.ts";
import type { DenialReason } from "../../../forward/verify/denial.ts";
import type {
  SupervisorEvent,
  SupervisorState,
} from "../../../forward/supervise/supervisor_options.ts";
import type { TunnelConnection } from "../../../forward/tunnel/tunnel_connection.ts";
import { formatBind, isTcp } from "../../../ssh/bind.ts";
import type { Bind, Originator } from "../../../ssh/connection.ts";
import type { Negotiated } from "../../../ssh/message_transport.ts";
import { printable } from "../../../text/printable.ts";
import type { Level } from "../reporter.ts";

/** What went wrong. */
export interface JsonError {
  /** For programs: a closed set. */
  code: ErrorCode;
  /** For people. */
  message: string;
}

/** Where the server listens: `address` and `port`, or `path` for a Unix socket. */
export interface JsonBind {
  /** For people, e.g. `localhost:8080` or `[::1]:8080`; `*` for an empty address. */
  text: string;
  address?: string;
  /** 0 where the server is to choose. */
  port?: number;
  path?: string;
}

/** Who connected, as the server reports it; address `""` and port 0 for a Unix socket. */
export interface JsonOriginator {
  address: string;
  port: number;
}

/** The server is dialled, for the `attempt`th time in a row. */
export interface JsonConnecting {
  type: "connecting";
  attempt: number;
}

/** The user is logged in. */
export interface JsonConnected {
  type: "connected";
  server: {
    host: string;
    port: number;
    user: string;
    /** Its software version, e.g. `OpenSSH_9.2p1`. */
    software: string;
    /** `SHA256:…` */
    hostKeyFingerprint: string;
    /** The algorithms that were agreed on, by their SSH names. */
    negotiated: Negotiated;
  };
}

/** The connection has ended without being asked to. */
export interface JsonLost {
  type: "lost";
  error: JsonError;
}

/** Not connected, until it is tried again after `ms` milliseconds, at `until` (ISO 8601). */
export interface JsonWaiting {
  type: "waiting";
  error: JsonError;
  ms: number;
  until: string;
}

/**
 * The server says that it listens. `tunnel` is the place of the forward on the
 * command line, from 0, here and below.
 */
export interface JsonBound {
  type: "bound";
  tunnel: number;
  asked: JsonBind;
  bound: JsonBind;
  /** Where it is to lead to, e.g. `127.0.0.1:3000`. */
  target: string;
  /** Whether `verified` is to follow; only then is it known who answers. */
  checking: boolean;
}

/** Who answers there was looked at, which took `ms` milliseconds. */
export interface JsonVerified {
  type: "verified";
  tunnel: number;
  bound: JsonBind;
  /** `verified`, or why not. */
  verdict: ProbeVerdict;
  /** Who answers at each address of the server. */
  addresses: { address: string; answer: ProbeAnswer }[];
  /** From where it can be reached: `network` (other hosts too), `server-only` or `unknown`. */
  reach: Reach;
  /** From where it was to be reached, as the bind address says. */
  askedReach: Exclude<Reach, "unknown">;
  /** For people, where the two differ: what that means and how to change it. */
  warning?: string;
  ms: number;
}

/** The server would not listen, or another program answers; asked again after `ms` milliseconds, or never if that is missing. */
export interface JsonDenied {
  type: "denied";
  tunnel: number;
  asked: JsonBind;
  reason: DenialReason;
  error: JsonError;
  ms?: number;
}

/** A connection came in and the target has taken it. */
export interface JsonOpened {
  type: "opened";
  tunnel: number;
  /** Counts the connections, from 1. */
  id: number;
  originator: JsonOriginator;
  target: string;
}

/** It is over, after `ms` milliseconds. */
export interface JsonClosed {
  type: "closed";
  tunnel: number;
  id: number;
  originator: JsonOriginator;
  target: string;
  /** Bytes from the server to the target. */
  bytesToTarget: number;
  /** Bytes from the target to the server. */
  bytesToServer: number;
  ms: number;
  /** What broke it; left out if it ended in order. */
  error?: JsonError;
}

/** A connection came in and was refused, because the target did not take it. */
export interface JsonTargetError {
  type: "target-error";
  tunnel: number;
  originator: JsonOriginator;
  target: string;
  error: JsonError;
  /** How many connections of this tunnel were refused so far for such a reason. */
  failed: number;
}

/** The server wrote a line on the session, e.g. a tunnel service the address that it gives out. */
export interface JsonSessionOutput {
  type: "session-output";
  stream: "stdout" | "stderr";
  /** Without control characters; a flood of lines is cut. */
  text: string;
}

/** The session has ended with a status or by a signal, or the server refused it (`error`). The forwards stay. */
export interface JsonSessionEnded {
  type: "session-ended";
  code?: number;
  signal?: string;
  error?: JsonError;
}

/** The process did not run for `ms` milliseconds. */
export interface JsonSlept {
  type: "slept";
  ms: number;
}

/** It is now in another state. */
export interface JsonState {
  type: "state";
  state: SupervisorState;
}

/** It has stopped for good, which only the state `stopped` follows; the error is left out if it was asked to. */
export interface JsonStopped {
  type: "stopped";
  error?: JsonError;
}

/** Anything else that is for people. */
export interface JsonMessage {
  type: "message";
  level: Level;
  text: string;
}

/** What happened, without when. */
export type JsonEventBody =
  | JsonConnecting
  | JsonConnected
  | JsonLost
  | JsonWaiting
  | JsonBound
  | JsonVerified
  | JsonDenied
  | JsonOpened
  | JsonClosed
  | JsonTargetError
  | JsonSessionOutput
  | JsonSessionEnded
  | JsonSlept
  | JsonState
  | JsonStopped
  | JsonMessage;

/** One line: what happened and when, in ISO 8601 with milliseconds, UTC. */
export type JsonEvent = JsonEventBody & { time: string };

/**
 * An event as a program reads it.
 *
 * @param event What happened.
 * @param id The number of its connection, if it is about one.
 */
export function eventJson(event: SupervisorEvent, id = 0): JsonEventBody {
  switch (event.type) {
    case "connecting":
    case "session-output":
    case "slept":
    case "state":
      return event;
    case "connected": {
      const { hostname, port, user, software, hostKeyFingerprint, negotiated } =
        event.server;
      return {
        type: "connected",
        server: {
          host: hostname,
          port,
          user,
          software: printable(software),
          hostKeyFingerprint,
          negotiated,
        },
      };
    }
    case "lost":
      return { type: "lost", error: errorJson(event.error) };
    case "waiting":
      return {
        type: "waiting",
        error: errorJson(event.error),
        ms: event.ms,
        until: event.until.toISOString(),
      };
    case "bound":
      return {
        ...event,
        asked: bindJson(event.asked),
        bound: bindJson(event.bound),
      };
    case "verified": {
      const { addresses, ms, ...probe } = event.probe;
      return {
        type: "verified",
        tunnel: event.tunnel,
        bound: bindJson(event.bound),
        ...probe,
        addresses: [...addresses],
        ms: Math.round(ms),
      };
    }
    case "denied":
      return {
        ...event,
        asked: bindJson(event.asked),
        error: errorJson(event.error),
      };
    case "connection":
      return {
        type: "opened",
        ...connectionJson(event.tunnel, id, event.connection),
      };
    case "target-error":
      return {
        type: "target-error",
        tunnel: event.tunnel,
        originator: originatorJson(event.originator),
        target: event.error.target,
        error: errorJson(event.error),
        failed: event.failed,
      };
    case "session-ended": {
      const { code, signal } = event.status ?? {};
      return {
        type: "session-ended",
        ...(code !== undefined && { code }),
        ...(signal !== undefined && { signal }),
        ...(event.error && { error: errorJson(event.error) }),
      };
    }
    case "stopped":
      return {
        type: "stopped",
        ...(event.error && { error: errorJson(event.error) }),
      };
  }
}

/**
 * The end of a connection as a program reads it.
 *
 * @param ms How long it lasted, in milliseconds.
 * @param error What broke it.
 */
export function closedJson(
  tunnel: number,
  id: number,
  connection: TunnelConnection,
  ms: number,
  error?: RForwardError,
): JsonClosed {
  const { bytesToTarget, bytesToServer } = connection;
  return {
    type: "closed",
    ...connectionJson(tunnel, id, connection),
    bytesToTarget,
    bytesToServer,
    ms,
    ...(error && { error: errorJson(error) }),
  };
}

function connectionJson(
  tunnel: number,
  id: number,
  { originator, target }: TunnelConnection,
): Pick<JsonOpened, "tunnel" | "id" | "originator" | "target"> {
  return { tunnel, id, originator: originatorJson(originator), target };
}

function originatorJson({ address, port }: Originator): JsonOriginator {
  return { address: printable(address), port };
}

function errorJson({ code, message }: RForwardError): JsonError {
  return { code, message };
}

function bindJson(bind: Bind): JsonBind {
  const text = formatBind(bind);
  return isTcp(bind)
    ? { text, address: bind.hostname, port: bind.port }
    : { text, path: bind.path };
}
