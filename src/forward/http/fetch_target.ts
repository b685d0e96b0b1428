import { ArgumentError } from "../../errors.ts";
import { checkCount, checkMs } from "../../validate.ts";

/** What a {@linkcode FetchHandler} learns of a request besides the request: what `Deno.serve` tells, and more. */
export interface FetchInfo extends Deno.ServeHandlerInfo<Deno.Addr> {
  /** Who connected to the port on the server, as the server reports it: untrusted. */
  readonly remoteAddr: Deno.Addr;
  /** Where on the server the connection came in. */
  readonly localAddr: Deno.Addr;
  /** Settles when the response was sent; rejects if the client was gone first. */
  readonly completed: Promise<void>;
  /**
   * Makes a WebSocket of the request's connection (RFC 6455): what
   * `Deno.upgradeWebSocket` does for `Deno.serve`. The handshake is answered at
   * once; the `open` event follows. What the handler returns then is not sent;
   * if it throws, the socket is closed with code 1011.
   *
   * @returns the socket, and a response for the handler to return.
   * @throws {TypeError} if the request does not ask for a WebSocket.
   */
  upgradeWebSocket(options?: UpgradeWebSocketOptions): WebSocketUpgrade;
}

/** Options of {@linkcode FetchInfo.upgradeWebSocket}. */
export interface UpgradeWebSocketOptions {
  /** The subprotocol to agree on, one of those that the client offers. None by default. */
  protocol?: string;
  /**
   * How long the client may be silent, or take nothing of what is sent, in
   * milliseconds: after half of it, it is sent a ping. Also how long it may
   * take to answer a close, 30000 at most. 0 for no limit.
   *
   * @default {120000}
   */
  idleTimeoutMs?: number;
  /**
   * The largest message that is received, in bytes; a larger one closes the
   * socket with code 1009, one of more than 16384 fragments with 1008.
   *
   * @default {16777216}
   */
  maxMessageBytes?: number;
}

/** What {@linkcode FetchInfo.upgradeWebSocket} gives. */
export interface WebSocketUpgrade {
  /** A standard WebSocket. */
  socket: WebSocket;
  /** For the handler to return. */
  response: Response;
}

/** Answers a request, as a handler of `Deno.serve` does: a Hono app's `fetch` is one. */
export type FetchHandler = (
  request: Request,
  info: FetchInfo,
) => Response | Promise<Response>;

/** What clients of a {@linkcode FetchTarget} may do; those who go beyond it are disconnected. */
export interface HttpLimits {
  /**
   * The largest head of a request, in bytes. Answered with status 431.
   *
   * @default {16384}
   */
  maxHeaderBytes?: number;
  /**
   * How long the head of a request may take from its first byte, in
   * milliseconds. Answered with status 408. 0 for no limit.
   *
   * @default {10000}
   */
  headerTimeoutMs?: number;
  /**
   * How long a client may be idle, in milliseconds: between requests, or in
   * the middle of one while it is the client that is waited for. 0 for no
   * limit.
   *
   * @default {60000}
   */
  idleTimeoutMs?: number;
}

/** A function in this process that answers HTTP requests: no port and no socket is open here. */
export interface FetchTarget extends HttpLimits {
  /** Answers each request. */
  fetch: FetchHandler;
  /** Answers a request whose handler threw; status 500 and an error in the log by default. */
  onError?: (error: unknown) => Response | Promise<Response>;
}

/** The limits where nothing else is said. */
export const defaultHttpLimits: Required<HttpLimits> = {
  maxHeaderBytes: 16 * 1024,
  headerTimeoutMs: 10_000,
  idleTimeoutMs: 60_000,
};

/** @throws {ArgumentError} if it cannot be served. */
export function checkFetchTarget(target: FetchTarget): void {
  if (typeof target.fetch !== "function") {
    throw new ArgumentError("target.fetch", "use a function");
  }
  if (target.onError !== undefined && typeof target.onError !== "function") {
    throw new ArgumentError("onError", "use a function");
  }
  checkMs("headerTimeoutMs", target.headerTimeoutMs);
  checkMs("idleTimeoutMs", target.idleTimeoutMs);
  checkCount("maxHeaderBytes", target.maxHeaderBytes, 1024);
}
