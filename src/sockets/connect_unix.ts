import { delay } from "../abort.ts";

/** How often a full queue is tried again, in milliseconds: at first, at most. */
const RETRY_MS = [1, 50] as const;

/**
 * `Deno.connect` to a Unix socket that waits, as a blocking connect does, while
 * the server's queue is full: there the kernel refuses at once (EAGAIN).
 * PulseAudio's queue has five places, so a dozen programs at once fill it.
 *
 * @throws the signal's reason, if it aborts first.
 */
export async function connectUnix(
  path: string,
  signal: AbortSignal,
): Promise<Deno.UnixConn> {
  const [first, most] = RETRY_MS;
  for (let ms: number = first;; ms = Math.min(2 * ms, most)) {
    signal.throwIfAborted();
    try {
      const conn = await Deno.connect({ transport: "unix", path });
      if (!signal.aborted) return conn;
      conn.close();
      throw signal.reason;
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    }
    await delay(ms, signal);
  }
}
