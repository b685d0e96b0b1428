import { onAbort } from "../abort.ts";
import { Ending } from "../ending.ts";

/**
 * `Deno.connect` with a signal, without its leak: Deno 2.9.6 drops a
 * connection whose signal aborts in the moment that it is made, and leaves it
 * open (measured: some in a thousand). So Deno must not see that it aborted.
 *
 * @throws the signal's reason, if it aborts first.
 */
export async function connectTcp(
  options: { hostname: string; port: number },
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  const ending = new Ending();
  using _watch = onAbort(signal, (reason) => ending.end(reason));
  return await connectTcpUntil(options, ending);
}

/** {@linkcode connectTcp} for those who connect often. */
export async function connectTcpUntil(
  options: { hostname: string; port: number },
  ending: Ending,
): Promise<Deno.TcpConn> {
  ending.throwIfEnded();
  const attempt = new AbortController();
  attempt.signal.throwIfAborted = () => {};
  ending.onEnd(() => attempt.abort());
  try {
    const conn = await Deno.connect({ ...options, signal: attempt.signal });
    if (!ending.isEnded) return conn;
    conn.close();
  } catch (error) {
    if (!ending.isEnded) throw error;
  }
  throw ending.reason;
}
