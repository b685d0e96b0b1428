import { connectTcp } from "../../sockets/connect_tcp.ts";
import { connectUnix } from "../../sockets/connect_unix.ts";
import { Deadline } from "../../abort.ts";
import { TargetError } from "../../errors.ts";
import { formatAddress } from "../../text/format_address.ts";
import type { SoundTarget } from "./sound_server.ts";

/**
 * Connects to a sound server of this side.
 *
 * @param timeoutMs How long it may take to accept.
 * @param signal Aborts the attempt.
 * @throws {TargetError} if it does not accept.
 */
export async function connectSound(
  target: SoundTarget,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Deno.Conn> {
  const name = soundTargetName(target);
  using deadline = new Deadline(timeoutMs, signal);
  deadline.start(() =>
    new TargetError(
      "target-timeout",
      name,
      `the sound server ${name} did not answer within ${timeoutMs} ms`,
    )
  );
  try {
    if ("path" in target) {
      return await connectUnix(target.path, deadline.signal);
    }
    const { hostname = "127.0.0.1", port } = target;
    const conn = await connectTcp({ hostname, port }, deadline.signal);
    conn.setNoDelay(true);
    return conn;
  } catch (cause) {
    deadline.signal.throwIfAborted();
    throw new TargetError(
      "target-failed",
      name,
      `the sound server ${name} cannot be reached: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** A sound server as text. */
export function soundTargetName(target: SoundTarget): string {
  return "path" in target
    ? target.path
    : formatAddress(target.hostname ?? "127.0.0.1", target.port);
}
