import { delay } from "../../abort.ts";
import { ArgumentError } from "../../errors.ts";
import { mayNot } from "../../permissions.ts";
import { formatAddress } from "../../text/format_address.ts";
import type { ListenAddress } from "../command_line/values/listen_address.ts";

/** Pages that are served; disposing closes all connections at once. */
export interface ServedPages extends AsyncDisposable {
  /** Where. */
  readonly addr: Deno.NetAddr;
}

/** How long to wait where no connection can be accepted, in milliseconds. */
const PAUSE_MS = 1000;

/**
 * Serves HTTP on an address of this machine.
 *
 * Deno stops serving where it cannot accept a connection, as when clients hold
 * all file descriptors of the process. It is served again then, and the
 * tunnels go on.
 *
 * @param flag The argument that asks for it, for the error.
 * @throws {ArgumentError} if it cannot listen there.
 */
export function servePages(
  flag: string,
  { hostname, port }: ListenAddress,
  handler: (request: Request) => Response | Promise<Response>,
): ServedPages {
  const over = new AbortController();
  const { signal } = over;
  const answering = new Set<Promise<Response>>();
  const answer = async (request: Request): Promise<Response> => {
    const response = (async () => await handler(request))();
    answering.add(response);
    try {
      return await response;
    } finally {
      answering.delete(response);
    }
  };
  const listen = (port: number) =>
    Deno.serve({
      hostname,
      port,
      signal,
      onListen() {},
      // What went wrong is of no concern to who asks.
      onError: () => new Response("internal error\n", { status: 500 }),
    }, answer);
  const first = orArgumentError(
    flag,
    formatAddress(hostname, port),
    () => listen(port),
  );
  const { addr } = first;
  const serving = (async () => {
    let server: typeof first | undefined = first;
    while (!signal.aborted) {
      try {
        server ??= listen(addr.port);
        await server.finished;
      } catch {
        server = undefined;
        await delay(PAUSE_MS, signal).catch(() => {});
      }
    }
  })();
  return {
    addr,
    async [Symbol.asyncDispose]() {
      // shutdown() would wait for a client that sends half a request.
      over.abort();
      await serving;
      // Deno does not wait for those whose connection it has closed.
      await Promise.allSettled(answering);
    },
  };
}

function orArgumentError<T>(flag: string, address: string, listen: () => T): T {
  try {
    return listen();
  } catch (cause) {
    throw new ArgumentError(
      flag,
      cause instanceof Deno.errors.NotCapable
        ? mayNot(`listen on ${address}`, `--allow-net=${address}`)
        : `cannot listen on ${address}: ${(cause as Error).message}`,
      { cause },
    );
  }
}
