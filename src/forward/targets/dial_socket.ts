import { Ending } from "../../ending.ts";
import { TargetError } from "../../errors.ts";
import { runDenoWith } from "../../permissions.ts";
import { isUnknownName } from "../../sockets/is_unknown_name.ts";
import type { SharedTimeout } from "../../shared_timeout.ts";
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
  connect: (ending: Ending) => Promise<C>,
  signal: AbortSignal,
  timeout: SharedTimeout,
): Promise<C> {
  signal.throwIfAborted();
  const ending = new Ending();
  const onAbort = () => ending.end(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const wait = timeout.start(() => ending.end(timedOut(name, timeout.ms)));
  try {
    return await connect(ending);
  } catch (cause) {
    ending.throwIfEnded();
    if (cause instanceof TargetError) throw cause;
    throw explain(name, cause as Error);
  } finally {
    timeout.stop(wait);
    signal.removeEventListener("abort", onAbort);
  }
}

function timedOut(name: string, ms: number): TargetError {
  const message = `the target ${name} did not answer within ${ms} ms`;
  return new TargetError("target-timeout", name, message);
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
    : isUnknownName(cause)
    ? [
      "target-unreachable",
      "cannot be reached: no address is known for it; check the name and the network",
    ] as const
    : cause instanceof Deno.errors.TimedOut
    ? ["target-timeout", `did not answer: ${cause.message}`] as const
    : [
      "target-unreachable",
      `cannot be reached: ${cause.message}${
        isOutOfFiles(cause) ? "; allow this process more (ulimit -n)" : ""
      }`,
    ] as const;
  const message = `the target ${name} ${why}`;
  return new TargetError(code, name, message, { cause });
}

/** EMFILE, for which Deno has no class. */
function isOutOfFiles({ message }: Error): boolean {
  return message.startsWith("Too many open files");
}
