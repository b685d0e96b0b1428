import { lookup } from "node:dns/promises";
import { mayNot } from "../../permissions.ts";
import { connectTcp } from "../../sockets/connect_tcp.ts";
import { isUnknownName } from "../../sockets/is_unknown_name.ts";
import { connectToFirst } from "./connect_to_first.ts";
import { ConnectError } from "../../errors.ts";
import type { Deadline } from "../../abort.ts";
import { formatAddress } from "../../text/format_address.ts";
import type { Dial, Transport } from "./transport.ts";
import { TransportStream } from "./transport_stream.ts";

/**
 * Connects to the SSH server by TCP, without Nagle's algorithm, with
 * which small packets would wait for the server's acknowledgement.
 *
 * @param family Takes only addresses of it.
 * @throws {ConnectError} that says why not, and what to do.
 */
export async function dialTcp(
  where: { hostname: string; port: number },
  deadline: Deadline,
  family: 4 | 6 | undefined,
): Promise<Deno.TcpConn> {
  const { hostname, port } = where;
  const { signal } = deadline;
  try {
    const conn = family === undefined
      ? await connectTcp({ hostname, port }, signal)
      : await connectToFirst(
        await deadline.race(addressesOf(where, family)),
        port,
        signal,
      );
    conn.setNoDelay(true);
    conn.setKeepAlive(true);
    return conn;
  } catch (cause) {
    signal.throwIfAborted();
    throw cause instanceof ConnectError
      ? cause
      : explain(cause as Error, where);
  }
}

/** The addresses of a host, as the system's resolver knows them; `Deno.connect` does not take a family. */
async function addressesOf(
  where: { hostname: string; port: number },
  family: 4 | 6,
): Promise<string[]> {
  const { hostname } = where;
  let cause: unknown;
  try {
    const found = await lookup(hostname, { family, all: true });
    // A host that is an address is found in either family.
    const addresses = found.filter((it) => it.family === family)
      .map(({ address }) => address);
    if (addresses.length > 0) return [...new Set(addresses)];
  } catch (error) {
    cause = error;
  }
  const options = cause === undefined ? undefined : { cause };
  throw (cause as { code?: unknown } | undefined)?.code === "EPERM"
    ? new ConnectError(
      "permission-denied",
      where,
      `${
        mayNot(
          `look up the addresses of ${hostname}`,
          `--allow-net=${hostname}`,
        )
      } (without a port), and allow its addresses too`,
      options,
    )
    : new ConnectError(
      "host-not-found",
      where,
      `no IPv${family} address is known for ${hostname}; check the name, or leave out addressFamily`,
      options,
    );
}

/**
 * Reaches the SSH server through the user's own function.
 *
 * @throws {ConnectError} if it could not.
 * @throws {ArgumentError} if what it gives cannot be used.
 */
export async function dialWith(
  dial: Dial,
  where: { hostname: string; port: number },
  deadline: Deadline,
): Promise<TransportStream> {
  const { signal } = deadline;
  const dialling = (async () => await dial({ ...where, signal }))();
  let transport: Transport;
  try {
    transport = await deadline.race(dialling);
  } catch (cause) {
    // Close what is reached too late.
    dialling.then(
      (late) => new TransportStream(late).close(),
    ).catch(() => {});
    signal.throwIfAborted();
    throw new ConnectError(
      isDenied(cause) ? "permission-denied" : "connect-failed",
      where,
      `could not reach ${formatAddress(where.hostname, where.port)}: ${
        cause instanceof Error ? cause.message : cause
      }`,
      { cause },
    );
  }
  return new TransportStream(transport);
}

/** Whether trying again is useless. */
function isDenied(cause: unknown): boolean {
  return cause instanceof ConnectError && cause.code === "permission-denied";
}

function explain(
  cause: Error,
  where: { hostname: string; port: number },
): ConnectError {
  const { hostname, port } = where;
  const address = formatAddress(hostname, port);
  if (cause instanceof Deno.errors.NotCapable) {
    // Of a name, it is an address that may not be reached.
    const lacking = /"([^"]+)"/.exec(cause.message)?.[1] ?? address;
    return new ConnectError(
      "permission-denied",
      where,
      mayNot(`connect to ${lacking}`, `--allow-net=${lacking}`),
      { cause },
    );
  }
  if (isUnknownName(cause)) {
    return new ConnectError(
      "host-not-found",
      where,
      `no address is known for ${hostname}; check the name and the network`,
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
