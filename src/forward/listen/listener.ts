import { checkKinds, type Kinds } from "../../check_kinds.ts";
import { silentLogger } from "../../logger.ts";
import { onAbort } from "../../abort.ts";
import { isTcp } from "../../ssh/bind.ts";
import type { Bind, SshConnection } from "../../ssh/connection.ts";

import { type BindOptions, toBind } from "../tunnel/bind_options.ts";
import { Binding } from "../tunnel/binding.ts";
import { checkRetry } from "../tunnel/retry_options.ts";
import { boundAddr, type ForwardedConn } from "../tunnel/forwarded_conn.ts";
import type { TunnelOptions } from "../tunnel/tunnel_options.ts";
import { AcceptQueue } from "./accept_queue.ts";

/** Options of {@linkcode listen}. */
export type ListenOptions =
  & BindOptions
  & Pick<
    TunnelOptions,
    "bindRetry" | "unlinkStale" | "signal" | "logger"
  >;

const listenKinds: Kinds<ListenOptions & { transport?: string }> = {
  hostname: "any",
  port: "any",
  path: "any",
  transport: "any", // of Deno's addresses, such as `listener.addr`
  bindRetry: "any",
  unlinkStale: "boolean",
  signal: "signal",
  logger: "logger",
};

/**
 * A port on the server, shaped like a `Deno.Listener`: its connections are
 * accepted in this process, and no port is open here.
 *
 * A connection is confirmed to the server when it is accepted, not before.
 * Closing the listener leaves accepted connections open.
 */
export class ForwardListener implements Deno.Listener<ForwardedConn> {
  readonly #queue: AcceptQueue;
  readonly #binding: Binding;
  #closing: Promise<unknown> | undefined;

  /**
   * For {@linkcode listen}.
   *
   * @ignore
   */
  constructor(queue: AcceptQueue, binding: Binding) {
    this.#queue = queue;
    this.#binding = binding;
  }

  /** Where the server listens. */
  get bound(): Bind {
    return this.#binding.bound;
  }

  /** The port of {@linkcode bound}; 0 for a Unix socket. */
  get port(): number {
    return isTcp(this.bound) ? this.bound.port : 0;
  }

  /** Where the server listens, as a `Deno.Addr`. */
  get addr(): Deno.Addr {
    return boundAddr(this.bound);
  }

  /**
   * Waits for the next connection.
   *
   * @param options `signal`: ends the wait; rejects with its reason.
   * @throws {Deno.errors.BadResource} once the listener is closed.
   * @throws {ConnectionLostError} once the SSH connection is lost.
   */
  accept({ signal }: { signal?: AbortSignal } = {}): Promise<ForwardedConn> {
    return this.#queue.accept(signal);
  }

  /** Asks the server to release the port, and refuses connections that wait. Calling it again has no effect. */
  close(): void {
    this.#queue.close(new Deno.errors.BadResource("the listener is closed"));
    this.#closing ??= this.#binding.release();
  }

  /** Closes, and settles when the server has answered. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.#closing;
  }

  /** Same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Accepts until the listener is closed; throws if the SSH connection is lost. */
  [Symbol.asyncIterator](): AsyncIterableIterator<ForwardedConn> {
    return this.#queue[Symbol.asyncIterator]();
  }

  /** Does nothing: the SSH connection keeps the process alive. */
  ref(): void {}

  /** Does nothing: the SSH connection keeps the process alive. */
  unref(): void {}
}

/**
 * Binds a port on the server and accepts its connections in this process.
 *
 * @param connection The SSH connection; many listeners and tunnels can share one.
 * @param options What to bind: `{ hostname, port }` or `{ path }`.
 * @returns the listener; the server listens.
 * @throws {ArgumentError} if the options cannot be used.
 * @throws {ForwardDeniedError} if the server keeps denying it.
 *
 * @example
 * ```ts
 * import { connect, listen } from "@x2go/rforward";
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
 * await using listener = await listen(connection, { port: 0 });
 *
 * // A program on the server says hello to the port …
 * using client = await Deno.connect({
 *   hostname: server.hostname,
 *   port: listener.port,
 * });
 * await client.write(new TextEncoder().encode("hello"));
 * await client.closeWrite();
 *
 * // … and is heard here.
 * using conn = await listener.accept();
 * console.log(await new Response(conn.readable).text()); // "hello"
 * ```
 */
export async function listen(
  connection: SshConnection,
  options: ListenOptions,
): Promise<ForwardListener> {
  checkKinds(options, listenKinds);
  const {
    signal,
    bindRetry,
    unlinkStale = false,
    logger = silentLogger,
    ...bind
  } = options;
  checkRetry("bindRetry", bindRetry);
  const queue = new AcceptQueue();
  const binding = await Binding.open(connection, {
    bind: toBind(bind),
    take: (open) => queue.take(open),
    onCancelled: () =>
      queue.close(new Deno.errors.BadResource("the port was cancelled")),
    retry: bindRetry,
    unlinkStale,
    signal: signal ?? new AbortController().signal,
    logger,
  });
  const listener = new ForwardListener(queue, binding);
  onAbort(signal, () => listener.close(), queue.signal);
  onAbort(
    connection.signal,
    (reason) => queue.close(reason),
    queue.signal,
  );
  return listener;
}
