import { ArgumentError } from "../../errors.ts";
import { mayNot } from "../../permissions.ts";
import { formatAddress } from "../../text/format_address.ts";
import type { ListenAddress } from "../command_line/values/listen_address.ts";

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
): Deno.HttpServer<Deno.NetAddr> {
  const address = formatAddress(hostname, port);
  try {
    return Deno.serve({
      hostname,
      port,
      onListen() {},
      // What went wrong is of no concern to who asks.
      onError: () => new Response("internal error\n", { status: 500 }),
    }, handler);
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
