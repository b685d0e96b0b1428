import { Deadline } from "../../abort.ts";
import { TargetError } from "../../errors.ts";
import { runDenoWith } from "../../permissions.ts";
import type { ForwardedOpen } from "../../ssh/connection.ts";
import { closeQuietly } from "../../streams/close_quietly.ts";
import type { Dialer, DialerOptions, Endpoint } from "./dialer.ts";
import { relay } from "./relay.ts";
import { targetFlags } from "./target_permission.ts";

/** Dials a TCP port or a Unix socket. */
export class SocketDialer implements Dialer {
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
