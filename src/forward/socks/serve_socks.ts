import { Deadline } from "../../abort.ts";
import { defined } from "../../defined.ts";
import { TargetError } from "../../errors.ts";
import { formatAddress } from "../../text/format_address.ts";
import type { SharedTimeout } from "../../shared_timeout.ts";
import { printable } from "../../text/printable.ts";
import { dialSocket } from "../targets/dial_socket.ts";
import type { ForwardedConn } from "../tunnel/forwarded_conn.ts";
import { relay } from "../tunnel/relay.ts";
import type { Destinations } from "./destinations.ts";
import {
  readSocksRequest,
  SocksClientGone,
  SocksError,
  type SocksRefusal,
  type SocksRequest,
} from "./socks_handshake.ts";
import type { SocksOptions } from "./socks_target.ts";

/** What a proxy goes by. */
export interface SocksContext {
  options: SocksOptions;
  destinations: Destinations;
  /** How long a destination may take to answer. */
  timeout: SharedTimeout;
  lingerMs: number | undefined;
}

/**
 * Serves one client of a SOCKS proxy until both directions have ended.
 *
 * @throws {TargetError} if the client was refused; it has its answer.
 */
export async function serveSocks(
  client: ForwardedConn,
  { options, destinations, timeout, lingerMs }: SocksContext,
  signal: AbortSignal,
): Promise<void> {
  const request = await readRequest(client, options, signal);
  if (!request) return;
  const name = printable(formatAddress(request.host, request.port));
  let conn: Deno.TcpConn;
  try {
    conn = await dialSocket(
      name,
      (ending) => destinations.connect(request, ending.signal),
      signal,
      timeout,
    );
  } catch (error) {
    signal.throwIfAborted();
    await refuse(client, () => request.refuse(reasonOf(error as Error)));
    throw error;
  }
  try {
    await request.accept();
  } catch (error) {
    conn.close();
    throw error;
  }
  await relay(client, conn, defined({ signal, lingerMs }));
}

/** Undefined if the client ended without a request. */
async function readRequest(
  client: ForwardedConn,
  { credentials, handshakeTimeoutMs = 10_000 }: SocksOptions,
  signal: AbortSignal,
): Promise<SocksRequest | undefined> {
  using deadline = new Deadline(handshakeTimeoutMs, signal);
  deadline.start(() =>
    new SocksError(`it asked for nothing within ${handshakeTimeoutMs} ms`)
  );
  try {
    return await deadline.race(readSocksRequest(client, credentials));
  } catch (cause) {
    signal.throwIfAborted();
    await refuse(client, () => Promise.resolve());
    if (cause instanceof SocksClientGone) return undefined;
    const { message } = cause as Error;
    throw new TargetError(
      "target-failed",
      "SOCKS",
      `a client of the SOCKS proxy was refused: ${message}`,
      { cause },
    );
  }
}

/** Answers, and ends the connection; the client may be gone. */
async function refuse(
  client: ForwardedConn,
  answer: () => Promise<void>,
): Promise<void> {
  try {
    await answer();
    await client.closeWrite();
  } finally {
    client.close();
  }
}

function reasonOf(error: Error): SocksRefusal {
  if (!(error instanceof TargetError)) return "failed";
  switch (error.code) {
    case "permission-denied":
      return "not-allowed";
    case "target-refused":
      return "refused";
    case "target-timeout":
      return "host-unreachable";
    case "target-unreachable":
      // ENETUNREACH
      return /network is unreachable/i.test(error.message)
        ? "network-unreachable"
        : "host-unreachable";
    default:
      return "failed";
  }
}
