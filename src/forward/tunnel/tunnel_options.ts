import type { ForwardDeniedError, TargetError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import type { Originator } from "../../ssh/connection.ts";
import type { BindOptions } from "./bind_options.ts";
import type { Target } from "./target.ts";
import type { TunnelConnection } from "./tunnel_connection.ts";

/** Options of {@linkcode ReverseTunnel} and {@linkcode forward}. */
export interface TunnelOptions {
  /** Where the server listens. */
  bind: BindOptions;
  /** Who answers on this side. */
  target: Target;
  /** How long the target may take to answer, in milliseconds. 10000 by default. */
  connectTimeoutMs?: number;
  /**
   * How long one direction of a connection may be silent after the other has
   * ended, in milliseconds. By default as long as it likes.
   */
  lingerMs?: number;
  /** How long to wait before a refused bind is asked again, in milliseconds; doubled each time, up to 5 s. 1000 by default. */
  retryDelayMs?: number;
  /** How long to wait for that altogether, in milliseconds. By default as long as `retryDelayMs`: it is asked once more. */
  retryForMs?: number;
  /**
   * Removes a Unix socket on the server that is in the way and that nobody
   * listens on, with `rm` there; who listens cannot be seen where sshd has
   * `AllowStreamLocalForwarding remote` on a system that is not Linux. By
   * default only one that this tunnel has bound before: sshd leaves them behind.
   */
  unlinkStale?: boolean;
  /** Stops the tunnel. */
  signal?: AbortSignal;
  /** Called when the server has refused to bind, also when it was asked again. */
  onRequestDenied?: (error: ForwardDeniedError) => void;
  /** Called when the port was released by a {@linkcode SshConnection.cancelForward} that was not this tunnel's own; it is paused then. */
  onCancelled?: () => void;
  /** Called with each connection that the target has taken. */
  onConnection?: (connection: TunnelConnection) => void;
  /** Called when the target did not answer a connection, which was refused. */
  onTargetError?: (error: TargetError, originator: Originator) => void;
  /** Where to tell what happens; nowhere by default. */
  logger?: Logger;
}
