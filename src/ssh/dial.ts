import { connectTcp } from "../connect_tcp.ts";
import { ConnectError } from "../errors.ts";
import type { Deadline } from "../deadline.ts";
import { formatAddress } from "../format_address.ts";
import { type Dial, type Transport, TransportStream } from "./transport.ts";

/**
 * Connects to the SSH server by TCP, without Nagle's delay (ssh2 would stall
 * 40 ms a packet with it).
 *
 * @throws {ConnectError} that says why not, and what to do.
 */
export async function dialTcp(
  where: { host: string; port: number },
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  try {
    const conn = await connectTcp(
      { hostname: where.host, port: where.port },
      signal,
    );
    conn.setNoDelay(true);
    conn.setKeepAlive(true);
    return conn;
  } catch (cause) {
    signal.throwIfAborted();
    throw explain(cause as Error, where);
  }
}

/**
 * Has the user's own function reach the SSH server.
 *
 * @throws {ConnectError} if it could not.
 * @throws {ArgumentError} if what it gives cannot be used.
 */
export async function dialWith(
  dial: Dial,
  where: { host: string; port: number },
  deadline: Deadline,
): Promise<TransportStream> {
  const { signal } = deadline;
  const dialling = (async () => await dial({ ...where, signal }))();
  let transport: Transport;
  try {
    transport = await deadline.race(dialling);
  } catch (cause) {
    // What is reached when nobody waits any more is closed.
    dialling.then(
      (late) => new TransportStream(late).close(),
    ).catch(() => {});
    signal.throwIfAborted();
    throw new ConnectError(
      "connect-failed",
      where,
      `could not reach ${formatAddress(where.host, where.port)}: ${
        cause instanceof Error ? cause.message : cause
      }`,
      { cause },
    );
  }
  return new TransportStream(transport);
}

function explain(
  cause: Error,
  where: { host: string; port: number },
): ConnectError {
  const { host, port } = where;
  const address = formatAddress(host, port);
  if (cause instanceof Deno.errors.NotCapable) {
    return new ConnectError(
      "permission-denied",
      where,
      `may not connect to ${address}; run deno with --allow-net=${address}`,
      { cause },
    );
  }
  if (/lookup|resolve|no address/i.test(cause.message)) {
    return new ConnectError(
      "host-not-found",
      where,
      `no address is known for ${host}; check the name and the network`,
      { cause },
    );
  }
  return new ConnectError(
    "connect-failed",
    where,
    cause instanceof Deno.errors.ConnectionRefused
      ? `${address} refused the connection; does an SSH server listen on that port?`
      : `could not connect to ${address}: ${cause.message}`,
    { cause },
  );
}
