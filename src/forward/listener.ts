import type { RForwardError } from "../errors.ts";
import { silentLogger } from "../logger.ts";
import { onceAborted } from "../once_aborted.ts";
import { isTcp } from "../ssh/bind.ts";
import type { Bind, ForwardedOpen, SshConnection } from "../ssh/connection.ts";
import { checkMs } from "../validate.ts";
import { type BindOptions, toBind } from "./bind_options.ts";
import { Binding } from "./binding.ts";
import { ForwardedConn } from "./forwarded_conn.ts";
import type { TunnelOptions } from "./tunnel_options.ts";

/** Options of {@linkcode listen}. */
export type ListenOptions =
  & BindOptions
  & Pick<
    TunnelOptions,
    "retryDelayMs" | "retryForMs" | "unlinkStale" | "signal" | "logger"
  >;

/** Connections that may wait to be accepted; as many as wait at one of sshd's own ports. */
const BACKLOG = 128;

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
   * Made by {@linkcode listen}.
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

  /** Where the server listens, as an address of Deno's. */
  get addr(): Deno.Addr {
    const { bound } = this;
    return isTcp(bound)
      ? { transport: "tcp", hostname: bound.address, port: bound.port }
      : { transport: "unix", path: bound.path };
  }

  /**
   * Waits for the next connection.
   *
   * @throws {Deno.errors.BadResource} once the listener is closed.
   * @throws {ConnectionLostError} once the SSH connection is lost.
   */
  accept(): Promise<ForwardedConn> {
    return this.#queue.accept();
  }

  /** Asks the server to release the port, and refuses who waits. Twice is once. */
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
  async *[Symbol.asyncIterator](): AsyncIterableIterator<ForwardedConn> {
    while (true) {
      let conn: ForwardedConn;
      try {
        conn = await this.accept();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource) return;
        throw error;
      }
      yield conn;
    }
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
 * @param options What to bind: `{ address, port }` or `{ path }`.
 * @returns the listener; the server listens.
 * @throws {ArgumentError} if the options cannot be used.
 * @throws {ForwardDeniedError} if the server keeps refusing.
 *
 * @example
 * ```ts
 * import { connect, listen } from "@x2go/rforward";
 * import { startTestServer } from "@x2go/rforward/testing";
 *
 * await using server = await startTestServer();
 * await using connection = await connect({
 *   host: server.host,
 *   port: server.port,
 *   user: server.user,
 *   password: server.password,
 *   hostKeys: { text: server.knownHosts },
 * });
 * await using listener = await listen(connection, { port: 0 });
 *
 * // A program on the server says hello to the port …
 * using client = await Deno.connect({
 *   hostname: server.host,
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
  const {
    signal,
    retryDelayMs = 1000,
    retryForMs = retryDelayMs,
    unlinkStale = false,
    logger = silentLogger,
    ...bind
  } = options;
  checkMs("retryDelayMs", retryDelayMs);
  checkMs("retryForMs", retryForMs);
  const queue = new AcceptQueue();
  const binding = await Binding.open(connection, {
    bind: toBind(bind),
    take: (open) => queue.take(open),
    retryDelayMs,
    retryForMs,
    unlinkStale,
    signal: signal ?? new AbortController().signal,
    logger,
  });
  const listener = new ForwardListener(queue, binding);
  onceAborted(signal, queue.signal, () => listener.close());
  onceAborted(
    connection.signal,
    queue.signal,
    (reason) => queue.close(reason as Error),
  );
  return listener;
}

/** Who waits for whom: connections for accept(), or accept() for connections. */
class AcceptQueue {
  readonly #opens: { open: ForwardedOpen; answered: () => void }[] = [];
  readonly #acceptors: PromiseWithResolvers<ForwardedConn>[] = [];
  readonly #closed = new AbortController();

  /** Aborts when nothing is accepted any more. */
  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  /** Settles when the connection was accepted or refused. */
  async take(open: ForwardedOpen): Promise<void> {
    if (this.signal.aborted) {
      return open.refuse(
        "administratively-prohibited",
        "the listener is closed",
      );
    }
    const acceptor = this.#acceptors.shift();
    if (acceptor) return acceptor.resolve(accepted(open));
    if (this.#opens.length >= BACKLOG) {
      return open.refuse("resource-shortage", `${BACKLOG} connections wait`);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#opens.push({ open, answered: resolve });
    await promise;
  }

  accept(): Promise<ForwardedConn> {
    if (this.signal.aborted) return Promise.reject(this.signal.reason);
    const waiting = this.#opens.shift();
    if (waiting) {
      const conn = accepted(waiting.open);
      waiting.answered();
      return Promise.resolve(conn);
    }
    const acceptor = Promise.withResolvers<ForwardedConn>();
    this.#acceptors.push(acceptor);
    return acceptor.promise;
  }

  close(reason: RForwardError | Error): void {
    if (this.signal.aborted) return;
    this.#closed.abort(reason);
    for (const { open, answered } of this.#opens.splice(0)) {
      open.refuse("administratively-prohibited", "the listener is closed");
      answered();
    }
    for (const acceptor of this.#acceptors.splice(0)) acceptor.reject(reason);
  }
}

function accepted(open: ForwardedOpen): ForwardedConn {
  return new ForwardedConn(open.confirm(), open);
}
