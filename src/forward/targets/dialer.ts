import type { Ending } from "../../ending.ts";
import type { Logger } from "../../logger.ts";
import type { ForwardedOpen, SshChannel } from "../../ssh/connection.ts";

/** A target that has answered, for one connection. */
export interface Endpoint {
  /** Serves the channel until both have ended, or the connection is ended. */
  serve(channel: SshChannel, ending: Ending): Promise<void>;
  /** Closes the connection to the target without serving it. */
  abandon(): void;
}

/** A target made ready for connections. */
export interface Dialer {
  /** The target, as text. */
  readonly name: string;
  /**
   * Connects to the target.
   *
   * @throws {TargetError} if it does not.
   */
  dial(open: ForwardedOpen, signal: AbortSignal): Promise<Endpoint>;
  /**
   * Looks whether the target answers, where it can be dialled.
   *
   * @throws {TargetError} if it does not.
   */
  check?(signal: AbortSignal): Promise<void>;
  /** Called once no more connections are to come: those that are idle may end. */
  drain?(): void;
}

/** How long a target may take to answer by default, in milliseconds. */
export const TARGET_TIMEOUT_MS = 10_000;

/** How a target is dialled and served. */
export interface DialerOptions {
  /** How long the target may take to answer, in milliseconds; 10000 by default. */
  targetTimeoutMs?: number | undefined;
  /** See RelayOptions. */
  lingerMs?: number | undefined;
  /** Silent by default. */
  logger?: Logger | undefined;
}
