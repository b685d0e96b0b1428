import { runDenoWith } from "../../permissions.ts";
import type { Target, TargetHandler } from "./target.ts";
import { connectTcp } from "../../streams/connect_tcp.ts";
import { connectUnix } from "../../streams/connect_unix.ts";
import { Deadline, orAborted } from "../../abort.ts";
import { ArgumentError, TargetError } from "../../errors.ts";
import { formatAddress } from "../../text/format_address.ts";
import type { ForwardedOpen, SshChannel } from "../../ssh/connection.ts";
import { closeQuietly } from "../../streams/close_quietly.ts";
import { checkHost, checkPort, checkText } from "../../validate.ts";
import { ForwardedConn } from "./forwarded_conn.ts";
import { relay } from "./relay.ts";
import { requireTargetPermission, targetFlags } from "./target_permission.ts";

/** A target that has answered, for one connection. */
export interface Endpoint {
  /** Serves the channel until both have ended or the signal aborts. */
  serve(channel: SshChannel, signal: AbortSignal): Promise<void>;
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
}

/** How a target is dialled and served. */
export interface DialerOptions {
  /** How long the target may take to answer, in milliseconds; 10000 by default. */
  targetTimeoutMs?: number | undefined;
  /** See RelayOptions. */
  lingerMs?: number | undefined;
}

/**
 * @throws {ArgumentError} if nothing can be dialled there.
 * @throws {RForwardError} `permission-denied` if Deno does not allow it.
 */
export function createDialer(
  target: Target,
  options: DialerOptions = {},
): Dialer {
  if (typeof target === "function") return new HandlerDialer(target);
  if (typeof target !== "object" || target === null) {
    throw new ArgumentError(
      "target",
      "use { hostname, port }, { path } or a function",
    );
  }
  if ("path" in target) {
    checkText("target.path", target.path, "path");
    requireTargetPermission(target);
    return new SocketDialer(
      target.path,
      options,
      (signal) => connectUnix(target.path, signal),
    );
  }
  const { hostname = "127.0.0.1", port } = target;
  checkHost("target.hostname", hostname);
  checkPort("target.port", port);
  requireTargetPermission(target);
  return new SocketDialer(
    formatAddress(hostname, port),
    options,
    async (signal) => {
      const conn = await connectTcp({ hostname, port }, signal);
      conn.setNoDelay(true);
      return conn;
    },
  );
}

/** Dials a TCP port or a Unix socket. */
class SocketDialer implements Dialer {
  constructor(
    readonly name: string,
    readonly options: DialerOptions,
    readonly connect: (signal: AbortSignal) => Promise<Deno.Conn>,
  ) {}

  async dial(_open: ForwardedOpen, signal: AbortSignal): Promise<Endpoint> {
    const { targetTimeoutMs = 10_000, lingerMs } = this.options;
    using deadline = new Deadline(targetTimeoutMs, signal);
    deadline.start(() =>
      new TargetError(
        "target-timeout",
        this.name,
        `the target ${this.name} did not answer within ${targetTimeoutMs} ms`,
      )
    );
    try {
      const conn = await this.connect(deadline.signal);
      return {
        async serve(channel, signal) {
          await relay(channel, conn, {
            signal,
            ...(lingerMs === undefined ? {} : { lingerMs }),
          });
        },
        abandon: () => closeQuietly(conn),
      };
    } catch (cause) {
      deadline.signal.throwIfAborted();
      throw this.#explain(cause as Error);
    }
  }

  #explain(cause: Error): TargetError {
    const [code, why] = cause instanceof Deno.errors.NotCapable
      ? [
        "permission-denied",
        `is not allowed: ${runDenoWith(...targetFlags(this.name))}`,
      ] as const
      : cause instanceof Deno.errors.ConnectionRefused
      ? [
        "target-refused",
        "refused the connection; is the service running?",
      ] as const
      : cause instanceof Deno.errors.TimedOut
      ? ["target-timeout", `did not answer: ${cause.message}`] as const
      : [
        "target-unreachable",
        `cannot be reached: ${cause.message}`,
      ] as const;
    const message = `the target ${this.name} ${why}`;
    return new TargetError(code, this.name, message, { cause });
  }
}

/** Hands the connection to a function in this process. */
class HandlerDialer implements Dialer {
  readonly name: string;

  constructor(readonly handler: TargetHandler) {
    this.name = handler.name || "a handler in this process";
  }

  dial(open: ForwardedOpen): Promise<Endpoint> {
    return Promise.resolve({
      serve: async (channel, signal) => {
        try {
          const served = this.handler(new ForwardedConn(channel, open));
          // A handler that never ends must not keep the tunnel from ending.
          await orAborted<unknown>(served ?? channel.closed, signal);
        } finally {
          channel.close();
        }
      },
      abandon: () => {},
    });
  }
}
