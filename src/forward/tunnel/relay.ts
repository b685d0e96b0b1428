import type { Duplex } from "../../streams/duplex.ts";
import { onAbort } from "../../abort.ts";
import { DuplexRelay, type RelayResult } from "./duplex_relay.ts";

/** Options of {@linkcode relay}. */
export interface RelayOptions {
  /** Ends both directions at once. */
  signal?: AbortSignal;
  /**
   * How long one direction may be silent after the other has ended, in
   * milliseconds. No limit by default: SSH cannot tell a peer that only stopped
   * sending from one that is gone.
   */
  lingerMs?: number;
}

/**
 * Copies `a` to `b` and `b` to `a` until both have ended.
 *
 * The directions are independent: the EOF of one closes the writer on the other
 * side, while the opposite direction continues. An error or an abort on any side
 * ends both; but where a side takes no more, because it was closed or reset,
 * what it had sent before is delivered first, as `ssh` does it. A chunk is read
 * only when the other side is ready to take it, so a slow reader slows down the
 * writer.
 *
 * Between a channel and a `Deno.Conn` bytes move without their Web Streams,
 * which are locked meanwhile.
 *
 * A `Deno.Conn` can be given as it is: half-close works, unlike with its own two
 * streams (denoland/deno#22258), and it is closed at the end.
 *
 * @returns the bytes of each direction, once both are done.
 * @throws the first error of any side, or the signal's reason.
 *
 * @example
 * ```ts
 * import { relay } from "@x2go/rforward";
 *
 * const here = new TransformStream<Uint8Array<ArrayBuffer>>();
 * const there = new TransformStream<Uint8Array<ArrayBuffer>>();
 * const hello = new Blob(["hello"]).stream();
 * const world = new Blob(["world!"]).stream();
 * const [result, said] = await Promise.all([
 *   relay(
 *     { readable: hello, writable: there.writable },
 *     { readable: world, writable: here.writable },
 *   ),
 *   new Response(here.readable).text(),
 *   new Response(there.readable).text(),
 * ]);
 * console.log(result, said); // { bytesToB: 5, bytesToA: 6 } "hello"
 * ```
 *
 * @example A connection that was accepted on the server, to a service here
 * ```ts ignore
 * import { connect, listen, relay } from "@x2go/rforward";
 *
 * await using connection = await connect({
 *   hostname: "server.example",
 *   user: "alice",
 *   agent: true,
 * });
 * await using listener = await listen(connection, { port: 8022 });
 * for await (const conn of listener) {
 *   const service = await Deno.connect({ port: 22 });
 *   relay(conn, service).catch(console.error);
 * }
 * ```
 */
export async function relay(
  a: Duplex | Deno.Conn,
  b: Duplex | Deno.Conn,
  { signal, lingerMs }: RelayOptions = {},
): Promise<RelayResult> {
  const relay = new DuplexRelay(a, b, lingerMs);
  using _watch = onAbort(signal, (reason) => relay.fail(reason));
  return await relay.run();
}
