import type { FetchTarget } from "../http/fetch_target.ts";
import type { SocksTarget } from "../socks/socks_target.ts";
import type { ForwardedConn } from "./forwarded_conn.ts";

/** A TCP service that this side can reach. */
export interface TcpTarget {
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
export interface UnixTarget {
  /** The socket's path. */
  path: string;
}

/**
 * Serves a connection in this process. The connection is closed when the
 * promise that it returns settles; if it returns nothing, closing it is up to
 * the handler.
 */
export type TargetHandler = (connection: ForwardedConn) => void | Promise<void>;

/** What answers the connections of a tunnel. */
export type Target =
  | TcpTarget
  | UnixTarget
  | TargetHandler
  | FetchTarget
  | SocksTarget
  | "socks";
