import { onAbort } from "../../../abort.ts";
import { ConnectError } from "../../../errors.ts";
import { mayNot } from "../../../permissions.ts";
import { closeQuietly } from "../../../sockets/close_quietly.ts";
import { connectTcp } from "../../../sockets/connect_tcp.ts";
import { formatAddress } from "../../../text/format_address.ts";
import type { Dial, DialRequest, Transport } from "../transport.ts";
import { openByHttp } from "./http_connect.ts";
import { nameOf, parseProxyUrl, type ProxyAddress } from "./proxy_address.ts";
import { openBySocks } from "./socks5.ts";

/**
 * Reaches servers through a proxy: for `dial` of {@linkcode connect}.
 *
 * The proxy resolves the server's name, and sees nothing but ciphertext. The
 * user and password go to it as they are, as the protocols have it, and never
 * into a message. Needs `--allow-net=PROXY:PORT`, and nothing for the server.
 *
 * A proxy that refuses the login ends it with `permission-denied`, so that
 * {@linkcode supervise} does not try the same password again; every other
 * refusal may pass, and is a `connect-failed`.
 *
 * @param url `http://[user:password@]host[:port]` for HTTP CONNECT (RFC 9110
 * section 9.3.6, RFC 7617), `socks5://…` for SOCKS 5 (RFC 1928, RFC 1929).
 * Reserved characters of user and password are percent-encoded.
 * @throws {ArgumentError} if it has another form.
 *
 * @example
 * ```ts ignore
 * import { connect, viaProxy } from "@x2go/rforward";
 *
 * await using connection = await connect({
 *   hostname: "server.example",
 *   user: "alice",
 *   dial: viaProxy("http://proxy.example:3128"),
 * });
 * ```
 */
export function viaProxy(url: string | URL): Dial {
  const proxy = parseProxyUrl("url", url);
  return (to) => dialByProxy(proxy, to);
}

/** {@linkcode viaProxy}, for a proxy whose URL was read. */
export async function dialByProxy(
  proxy: ProxyAddress,
  to: DialRequest,
): Promise<Transport> {
  const { signal } = to;
  const conn = await connectToProxy(proxy, to);
  using _abort = onAbort(signal, () => closeQuietly(conn));
  try {
    conn.setNoDelay(true);
    conn.setKeepAlive(true);
    if (proxy.protocol === "http") await openByHttp(conn, proxy, to);
    else await openBySocks(conn, proxy, to);
    signal.throwIfAborted();
    const { readable, writable } = conn;
    return { readable, writable, close: () => closeQuietly(conn) };
  } catch (cause) {
    closeQuietly(conn);
    signal.throwIfAborted();
    if (cause instanceof ConnectError) throw cause;
    const why = (cause as Error).message;
    throw new ConnectError("connect-failed", to, `${nameOf(proxy)}: ${why}`, {
      cause,
    });
  }
}

async function connectToProxy(
  proxy: ProxyAddress,
  { hostname, port, signal }: DialRequest,
): Promise<Deno.TcpConn> {
  try {
    return await connectTcp(proxy, signal);
  } catch (cause) {
    signal.throwIfAborted();
    const where = formatAddress(proxy.hostname, proxy.port);
    const isDenied = cause instanceof Deno.errors.NotCapable;
    throw new ConnectError(
      isDenied ? "permission-denied" : "connect-failed",
      { hostname, port },
      isDenied
        ? mayNot(`connect to the proxy ${where}`, `--allow-net=${where}`)
        : `${nameOf(proxy)} cannot be reached: ${(cause as Error).message}`,
      { cause },
    );
  }
}
