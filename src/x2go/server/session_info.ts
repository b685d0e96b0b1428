/**
 * What a session is doing.
 *
 * - `starting`: it is being set up, or no display has connected to it yet;
 *   x2goserver ends it if none does within 60 s.
 * - `running`: a display shows it.
 * - `resuming`: it waits for a display to connect again.
 * - `suspending`, `suspended`: its programs continue, without a display.
 * - `finished`: it has ended.
 */
export type SessionState =
  | "starting"
  | "running"
  | "resuming"
  | "suspending"
  | "suspended"
  | "finished";

/**
 * A session as the server describes it. For about two seconds after the start
 * of a session some of it is not known yet, and undefined.
 */
export interface SessionInfo {
  /** Its name, unique on the server, e.g. `alice-50-1795325581_stRxterm_dp24`. */
  readonly name: string;
  /** What it is doing. */
  readonly state: SessionState;
  /** The number of its X display on the server. */
  readonly display: number;
  /** Whose session it is. */
  readonly user: string;
  /** The server's name for itself. */
  readonly host: string;
  /** The address of the client that started or resumed it last. */
  readonly clientAddress: string;
  /** The secret that a display needs to connect to {@linkcode graphicsPort}. */
  readonly cookie: string;
  /** The process that is the session, on the server. */
  readonly agentPid: number | undefined;
  /** Where on the server's loopback a display (nxproxy) connects to it. */
  readonly graphicsPort: number | undefined;
  /** The port on the server's loopback where its programs look for sound. */
  readonly soundPort: number | undefined;
  /** The port on the server's loopback where it looks for shared folders. */
  readonly foldersPort: number | undefined;
  /** When it was started: the server's local time, in a zone that it does not say, e.g. `2026-11-22T06:01:42`. */
  readonly created: string;
  /** When it was last started, suspended or resumed: the server's local time. */
  readonly lastChanged: string;
  /** How long ago it was started, in seconds. */
  readonly ageSeconds: number;
}

/** A session of which all is known. */
export interface ReadySession extends SessionInfo {
  /** Never undefined. */
  readonly agentPid: number;
  /** Never undefined. */
  readonly graphicsPort: number;
  /** Never undefined. */
  readonly soundPort: number;
  /** Never undefined. */
  readonly foldersPort: number;
}

/** Whether all is known of a session. */
export function isReady(session: SessionInfo): session is ReadySession {
  const { agentPid, graphicsPort, soundPort, foldersPort } = session;
  return [agentPid, graphicsPort, soundPort, foldersPort]
    .every((value) => value !== undefined);
}
