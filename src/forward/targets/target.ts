import type { FetchTarget } from "../http/fetch_target.ts";
import type { SocksTarget } from "../socks/socks_target.ts";
import type { ForwardedConn } from "../tunnel/forwarded_conn.ts";

/** A version of the PROXY protocol (HAProxy's `doc/proxy-protocol.txt`). */
export type ProxyProtocol = 1 | 2;

/** What is sent to a service on this side before the bytes of a connection. */
export interface SocketTargetOptions {
  /**
   * Sends a header of the PROXY protocol first, which says who connected to the
   * server; the service has to expect it. Where the server does not say who
   * that was, as for Unix sockets, the header says so. None by default.
   */
  proxyProtocol?: ProxyProtocol;
}

/** A TCP service that this side can reach. */
export interface TcpTarget extends SocketTargetOptions {
  /**
   * Name or address.
   *
   * @default {"127.0.0.1"}
   */
  hostname?: string;
  /** 1–65535. */
  port: number;
}

/** A Unix socket on this side. */
export interface UnixTarget extends SocketTargetOptions {
  /** The socket's path. */
  path: string;
}

/**
 * Serves a connection in this process. The connection is closed when the
 * promise that it returns settles; if it returns nothing, closing it is up to
 * the handler.
 */
export type TargetHandler = (connection: ForwardedConn) => void | Promise<void>;

// create_dialer.ts makes each kind ready for connections.
/** What answers the connections of a tunnel. */
export type Target =
  | TcpTarget
  | UnixTarget
  | TargetHandler
  | FetchTarget
  | SocksTarget
  | "socks";
