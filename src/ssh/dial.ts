import { connectTcp } from "../connect_tcp.ts";
import { ConnectError } from "../errors.ts";
import { formatAddress } from "../format_address.ts";

/**
 * Connects to the SSH server by TCP, without Nagle's delay (ssh2 would stall
 * 40 ms a packet with it).
 *
 * @throws {ConnectError} that says why not, and what to do.
 */
export async function dial(
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
