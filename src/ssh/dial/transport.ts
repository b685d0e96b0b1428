import type { Duplex } from "../../streams/duplex.ts";

/** What carries an SSH connection instead of TCP. A channel of another connection is one. The end of its readable ends the connection, and so does an error. */
export interface Transport extends Duplex {
  /**
   * Closes what is behind the streams. Called once, after the connection has
   * ended and the streams were cancelled and aborted;
   * {@linkcode SshConnection.close} waits for it.
   */
  close?(): void | Promise<void>;
}

/** Which server to reach. */
export interface DialRequest {
  /** {@linkcode ConnectOptions.hostname} */
  hostname: string;
  /** {@linkcode ConnectOptions.port} */
  port: number;
  /** Aborts when the result is no longer wanted; what is reached then is closed. */
  signal: AbortSignal;
}

/** Reaches a server. */
export type Dial = (to: DialRequest) => Promise<Transport>;
