import { connectTcp } from "../../sockets/connect_tcp.ts";
import { delay } from "../../abort.ts";

/** How long an address has before the next one is tried too, in milliseconds (RFC 8305 section 5). */
const HEAD_START_MS = 250;

/**
 * Connects to the first of several addresses that answers. One that refuses
 * makes way for the next at once, one that is silent after a while: what
 * `Deno.connect` does with a name's addresses (measured with Deno 2.9.6), for
 * those of one family.
 *
 * @param addresses At least one.
 * @throws why the first could not be reached, if none can.
 * @throws the signal's reason, if it aborts first.
 */
export async function connectToFirst(
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  const over = new AbortController();
  const trying = AbortSignal.any([signal, over.signal]);
  const attempts: Promise<Deno.TcpConn>[] = [];
  let conn: Deno.TcpConn | void = undefined;
  try {
    for (const hostname of addresses) {
      const attempt = connectTcp({ hostname, port }, trying);
      attempts.push(attempt);
      conn = await Promise.race([
        Promise.any(attempts),
        attempt,
        delay(HEAD_START_MS, trying),
      ]).catch(() => {});
      if (conn) return conn;
    }
    return conn = await Promise.any(attempts);
  } catch (error) {
    signal.throwIfAborted();
    throw (error as AggregateError).errors[0];
  } finally {
    over.abort();
    for (const attempt of attempts) {
      attempt.then((other) => other !== conn && other.close(), () => {});
    }
  }
}
