import { checkKinds, type Kinds } from "../../check_kinds.ts";
import { ArgumentError } from "../../errors.ts";
import { callBack } from "../../call_back.ts";
import { defined } from "../../defined.ts";
import { silentLogger } from "../../logger.ts";
import type { CloseReason, SshConnection } from "../../ssh/connection.ts";
import type { BindOptions } from "../tunnel/bind_options.ts";
import { boundAddr } from "../tunnel/forwarded_conn.ts";
import { forward } from "../tunnel/forward.ts";
import type { ReverseTunnel } from "../tunnel/tunnel.ts";
import type { TunnelOptions } from "../tunnel/tunnel_options.ts";
import type { FetchHandler, FetchTarget, HttpLimits } from "./fetch_target.ts";

/** Options of {@linkcode serve}: where to listen, and what clients may do. */
export type ServeOptions =
  & BindOptions
  & HttpLimits
  & Pick<FetchTarget, "onError">
  & Omit<
    TunnelOptions,
    "bind" | "target" | "targetTimeoutMs" | "lingerMs" | "onTargetError"
  >
  & {
    /** Called once the server listens. */
    onListen?: (addr: Deno.Addr) => void;
  };

const serveKinds: Kinds<ServeOptions & { transport?: string }> = {
  hostname: "any",
  port: "any",
  path: "any",
  transport: "any", // of Deno's addresses, such as `listener.addr`
  maxHeaderBytes: "any",
  headerTimeoutMs: "any",
  idleTimeoutMs: "any",
  onError: "function",
  onListen: "function",
  bindRetry: "any",
  admission: "any",
  unlinkStale: "boolean",
  signal: "signal",
  onRequestDenied: "function",
  onCancelled: "function",
  onConnection: "function",
  onRefused: "function",
  logger: "logger",
};

/** How long a shutdown may take: as long as a timer can. */
const MAX_MS = 2 ** 31 - 1;

/** A port on the server whose HTTP requests are answered in this process, shaped like a `Deno.HttpServer`. */
export class ServedPort implements Deno.HttpServer<Deno.Addr> {
  /** Settles when it has ended; rejects if it was lost with the SSH connection. */
  readonly finished: Promise<void>;
  /** The tunnel: its state, its connections and their bytes. */
  readonly tunnel: ReverseTunnel;

  /**
   * For {@linkcode serve}.
   *
   * @ignore
   */
  constructor(tunnel: ReverseTunnel) {
    this.tunnel = tunnel;
    this.finished = tunnel.closed.then(throwIfLost);
    this.finished.catch(() => {}); // for who does not wait for it
  }

  /** Where the server listens. */
  get addr(): Deno.Addr {
    return boundAddr(this.tunnel.bound);
  }

  /** The port on the server; 0 for a Unix socket. */
  get port(): number {
    return this.tunnel.port;
  }

  /**
   * Releases the port, lets requests be answered that have begun, and closes
   * WebSockets with code 1001. Calling it again may cut it short.
   *
   * @param options `drainMs`: how long that may take, in milliseconds; no limit by default.
   */
  async shutdown(options: { drainMs?: number } = {}): Promise<void> {
    checkKinds(options, { drainMs: "any" });
    const { drainMs = MAX_MS } = options;
    await this.tunnel.stop({ drainMs });
  }

  /** Same as {@linkcode shutdown}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  /** Does nothing: the SSH connection keeps the process alive. */
  ref(): void {}

  /** Does nothing: the SSH connection keeps the process alive. */
  unref(): void {}
}

/**
 * `Deno.serve` on a port of the server: HTTP requests to it are answered by a
 * function in this process. No port and no socket is open here.
 *
 * HTTP/1.1 with persistent connections, streams in both directions, and
 * WebSockets through {@linkcode FetchInfo.upgradeWebSocket};
 * `Deno.upgradeWebSocket` works with `Deno.serve` alone.
 *
 * @param connection The SSH connection; many can share one.
 * @param options What to bind, as with {@linkcode listen}, and limits for clients.
 * @param handler Answers each request, as a handler of `Deno.serve` does.
 * @returns the server; it listens.
 * @throws {ArgumentError} if the options cannot be used.
 * @throws {ForwardDeniedError} if the server keeps denying it.
 *
 * @example
 * ```ts
 * import { connect, serve } from "@x2go/rforward";
 * import { startTestServer } from "@x2go/rforward/testing";
 *
 * await using server = await startTestServer();
 * await using connection = await connect({
 *   hostname: server.hostname,
 *   port: server.port,
 *   user: server.user,
 *   password: server.password,
 *   hostKeys: { text: server.knownHosts },
 * });
 * await using web = await serve(
 *   connection,
 *   { port: 0 },
 *   (request) => new Response(`You asked for ${new URL(request.url).pathname}`),
 * );
 *
 * // A program on the server asks:
 * const response = await fetch(`http://${server.hostname}:${web.port}/news`);
 * console.log(await response.text()); // "You asked for /news"
 * ```
 */
export async function serve(
  connection: SshConnection,
  options: ServeOptions,
  handler: FetchHandler,
): Promise<ServedPort> {
  checkKinds(options, serveKinds);
  if (typeof handler !== "function") {
    throw new ArgumentError("handler", "use a function, e.g. app.fetch");
  }
  const { maxHeaderBytes, headerTimeoutMs, idleTimeoutMs, onError, onListen } =
    options;
  const limits = { maxHeaderBytes, headerTimeoutMs, idleTimeoutMs, onError };
  const { bindRetry, admission, unlinkStale, signal, logger } = options;
  const { onRequestDenied, onCancelled, onConnection, onRefused } = options;
  const common = {
    ...{ bindRetry, admission, unlinkStale, signal, logger },
    ...{ onRequestDenied, onCancelled, onConnection, onRefused },
  };
  const target = { ...defined(limits), fetch: handler };
  const bind = "path" in options
    ? { path: options.path }
    : { hostname: options.hostname ?? "127.0.0.1", port: options.port };
  const tunnel = await forward(connection, {
    ...defined(common),
    bind,
    target,
  });
  const served = new ServedPort(tunnel);
  callBack(
    "onListen",
    options.logger ?? silentLogger,
    () => onListen?.(served.addr),
  );
  return served;
}

function throwIfLost({ error }: CloseReason): void {
  if (error) throw error;
}
