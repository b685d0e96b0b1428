import { Deadline, delay } from "../../abort.ts";
import { ConnectError } from "../../errors.ts";
import { formatAddress } from "../../text/format_address.ts";
import type { ConnectOptions } from "../connect_options.ts";
import { dialTcp, dialWith } from "./dial.ts";
import type { TransportStream } from "./transport_stream.ts";

/** How long to wait between attempts, in milliseconds; as OpenSSH does. */
const PAUSE_MS = 1000;

/**
 * Reaches the server, by TCP or by the user's `dial`.
 *
 * @param signal Aborts the attempt.
 * @throws {ConnectError} why the last attempt failed.
 */
export async function reachServer(
  { dial, addressFamily, connectionAttempts = 1 }: ConnectOptions,
  where: { hostname: string; port: number },
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Deno.TcpConn | TransportStream> {
  for (let attempt = 1;; attempt++) {
    using deadline = new Deadline(timeoutMs, signal);
    deadline.start(() => noAnswer(where, timeoutMs, dial !== undefined));
    try {
      return dial
        ? await dialWith(dial, where, deadline)
        : await dialTcp(where, deadline, addressFamily);
    } catch (error) {
      signal.throwIfAborted();
      if (attempt >= connectionAttempts || !isWorthAnother(error)) throw error;
    }
    await delay(PAUSE_MS, signal);
  }
}

function isWorthAnother(error: unknown): boolean {
  return error instanceof ConnectError &&
    (error.code === "connect-failed" || error.code === "connect-timeout");
}

function noAnswer(
  where: { hostname: string; port: number },
  timeoutMs: number,
  isByOtherWay: boolean,
): ConnectError {
  const address = formatAddress(where.hostname, where.port);
  return new ConnectError(
    "connect-timeout",
    where,
    `${address} did not answer within ${timeoutMs} ms; ${
      isByOtherWay
        ? "check the proxy, command or function on the way, and the address"
        : "check the address, and whether a firewall is in between"
    }`,
  );
}
