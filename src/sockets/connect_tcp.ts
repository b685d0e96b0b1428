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
  signal.throwIfAborted();
  const attempt = new AbortController();
  attempt.signal.throwIfAborted = () => {};
  const abort = () => attempt.abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    const conn = await Deno.connect({ ...options, signal: attempt.signal });
    if (!signal.aborted) return conn;
    conn.close();
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
  throw signal.reason;
}
