import { Deadline } from "../../abort.ts";
import { TargetError } from "../../errors.ts";
import { runDenoWith } from "../../permissions.ts";
import { targetFlags } from "./target_permission.ts";

/**
 * Connects to a target within a time limit.
 *
 * @param name The target, as text.
 * @throws {TargetError} if it does not answer.
 * @throws the signal's reason, if it aborts first.
 */
export async function dialSocket<C extends Deno.Conn>(
  name: string,
  connect: (signal: AbortSignal) => Promise<C>,
  signal: AbortSignal,
  timeoutMs: number = 10_000,
): Promise<C> {
  using deadline = new Deadline(timeoutMs, signal);
  deadline.start(() =>
    new TargetError(
      "target-timeout",
      name,
      `the target ${name} did not answer within ${timeoutMs} ms`,
    )
  );
  try {
    return await connect(deadline.signal);
  } catch (cause) {
    deadline.signal.throwIfAborted();
    if (cause instanceof TargetError) throw cause;
    throw explain(name, cause as Error);
  }
}

function explain(name: string, cause: Error): TargetError {
  const [code, why] = cause instanceof Deno.errors.NotCapable
    ? [
      "permission-denied",
      `is not allowed: ${runDenoWith(...targetFlags(name))}`,
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
  const message = `the target ${name} ${why}`;
  return new TargetError(code, name, message, { cause });
}
