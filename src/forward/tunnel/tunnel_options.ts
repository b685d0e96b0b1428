import type { Kinds } from "../../check_kinds.ts";
import type { ForwardDeniedError, TargetError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import type { Originator } from "../../ssh/connection.ts";
import type { Admission } from "../admission/admission.ts";
import type {
  AdmissionRefusal,
  AdmissionRules,
} from "../admission/admission_rules.ts";
import type { BindOptions } from "./bind_options.ts";
import type { RetryOptions } from "./retry_options.ts";
import type { Target } from "../targets/target.ts";
import type { TunnelConnection } from "./tunnel_connection.ts";

/** Options of {@linkcode ReverseTunnel} and {@linkcode forward}. */
export interface TunnelOptions {
  /** Where the server listens. */
  bind: BindOptions;
  /** What answers on this side. */
  target: Target;
  /**
   * How long the target may take to answer, in milliseconds. Not for what
   * answers in this process: a function or `{ fetch }`.
   *
   * @default {10000}
   */
  targetTimeoutMs?: number;
  /**
   * How long one direction of a connection may be silent after the other has
   * ended, in milliseconds. Not for a function or `{ fetch }`. No limit by
   * default.
   */
  lingerMs?: number;
  /**
   * How to ask again for a bind that the server denied. `forMs` is `firstMs` by
   * default: the bind is requested again once.
   *
   * @default {{ firstMs: 1000, maxMs: 5000, forMs: 1000 }}
   */
  bindRetry?: RetryOptions;
  /**
   * Who may connect, how often and how much. Anyone and without limits by
   * default. An {@linkcode Admission} can be given to several tunnels.
   */
  admission?: AdmissionRules | Admission;
  /**
   * Removes a Unix socket on the server that is in the way and that nothing
   * listens on, by running `rm` there. By default only one that this tunnel has
   * bound before: sshd leaves them behind. On a server that is not Linux, with
   * `AllowStreamLocalForwarding remote`, one in use cannot be told from a stale
   * one.
   */
  unlinkStale?: boolean;
  /** Stops the tunnel. */
  signal?: AbortSignal;
  /** Called each time that the server has denied the bind. */
  onRequestDenied?: (error: ForwardDeniedError) => void;
  /** Called when another {@linkcode SshConnection.cancelForward} has released the port; the tunnel is paused then. */
  onCancelled?: () => void;
  /** Called with each connection that the target has taken. */
  onConnection?: (connection: TunnelConnection) => void;
  /** Called when a connection was refused because the target did not take it. */
  onTargetError?: (error: TargetError, originator: Originator) => void;
  /** Called when a connection was refused because of `admission`. */
  onRefused?: (refusal: AdmissionRefusal) => void;
  /** Logger; silent by default. */
  logger?: Logger;
}

/** The kinds of {@linkcode TunnelOptions}. */
export const tunnelKinds: Kinds<TunnelOptions> = {
  bind: "any",
  target: "any",
  targetTimeoutMs: "any",
  lingerMs: "any",
  bindRetry: "any",
  admission: "any",
  unlinkStale: "boolean",
  signal: "signal",
  onRequestDenied: "function",
  onCancelled: "function",
  onConnection: "function",
  onTargetError: "function",
  onRefused: "function",
  logger: "logger",
};
