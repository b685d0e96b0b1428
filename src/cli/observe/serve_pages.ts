import { ArgumentError } from "../../errors.ts";
import { mayNot } from "../../permissions.ts";
import { formatAddress } from "../../text/format_address.ts";
import type { ListenAddress } from "../command_line/values/listen_address.ts";

/** Pages that are served; disposing closes all connections at once. */
export interface ServedPages extends AsyncDisposable {
  /** Where. */
  readonly addr: Deno.NetAddr;
}

/**
 * Serves HTTP on an address of this machine.
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
  const address = formatAddress(hostname, port);
  try {
    const { addr, finished } = Deno.serve({
      hostname,
      port,
      signal: over.signal,
      onListen() {},
      // What went wrong is of no concern to who asks.
      onError: () => new Response("internal error\n", { status: 500 }),
    }, handler);
    return {
      addr,
      async [Symbol.asyncDispose]() {
        // shutdown() would wait for whoever sends half a request.
        over.abort();
        await finished;
      },
    };
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
