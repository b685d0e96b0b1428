import type { SshConnection } from "../ssh/connection.ts";
import type { ReadySession } from "./session_info.ts";

/** Where a share finds its session. */
export interface SessionAccess {
  /** The connection to the server. */
  readonly connection: SshConnection;
  /** The session as it is now; its ports may have changed. */
  readonly session: ReadySession;
}

/**
 * Something of this side that a session's programs can use: sound, a folder, a
 * printer. The session tells it when to be there; one call at a time, and none
 * after {@linkcode stop}.
 */
export interface SessionShare extends AsyncDisposable {
  /** What the session's programs need in their environment to find it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Settles when it was stopped. */
  readonly stopped: Promise<void>;
  /** Lets go of the session's ports: the session is suspended. */
  pause(): Promise<void>;
  /** Is there again, or for the first time. */
  resume(access: SessionAccess): Promise<void>;
  /** Ends it for good. Twice is once. */
  stop(): Promise<void>;
}
