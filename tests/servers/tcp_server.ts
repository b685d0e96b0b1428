import { closeQuietly } from "../../src/sockets/close_quietly.ts";

/** A TCP server on loopback that runs the test's function for each connection. */
export interface TcpServer extends AsyncDisposable {
  readonly hostname: string;
  readonly port: number;
  /** Connections that it has taken so far. */
  readonly taken: number;
}

/**
 * Serves each connection with `serve`, and closes it when that settles.
 * Disposing closes all of them; what `serve` throws then is ignored.
 */
export function startTcpServer(
  serve: (conn: Deno.TcpConn) => Promise<void>,
): TcpServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const live = new Set<Deno.TcpConn>();
  const work: Promise<void>[] = [];
  const close = (conn: Deno.TcpConn) => {
    if (live.delete(conn)) closeQuietly(conn); // `serve` may have closed it
  };
  let failure: unknown;
  const accepting = (async () => {
    for await (const conn of listener) {
      live.add(conn);
      work.push(
        serve(conn).catch((error) => {
          if (live.has(conn) && !isEnd(error)) failure ??= error;
        }).finally(() => close(conn)),
      );
    }
  })();
  return {
    hostname: "127.0.0.1",
    port: listener.addr.port,
    get taken() {
      return work.length;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const conn of live) close(conn);
      await Promise.all(work);
      if (failure) throw failure;
    },
  };
}

/** Whether an error only says that the other side has gone. */
function isEnd(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.NotConnected;
}

/** A port that neither accepts nor refuses connections: its backlog is full. */
export async function startFullPort(): Promise<
  { hostname: string; port: number } & AsyncDisposable
> {
  const hostname = "127.0.0.1";
  const listener = Deno.listen({ hostname, port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  const stop = new AbortController();
  const { signal } = stop;
  const pending = Array.from(
    { length: 4 },
    () => Deno.connect({ hostname, port, signal }).catch(() => undefined),
  );
  await Promise.all(pending.slice(0, 2));
  return {
    hostname,
    port,
    async [Symbol.asyncDispose]() {
      stop.abort();
      for (const conn of await Promise.all(pending)) conn?.close();
      listener.close();
    },
  };
}
