import { borrower } from "../lending.ts";
import { byteReadable } from "./byte_readable.ts";
import { closeQuietly } from "./close_quietly.ts";
import type { Duplex } from "./duplex.ts";

/**
 * A `Deno.Conn` as Web Streams that keep its two directions apart.
 *
 * The connection's own `readable` and `writable` do not: the first to end
 * closes the whole socket (denoland/deno#22258).
 *
 * @param conn The connection. Aborting the writable closes it, and so has who
 * called once both directions have ended.
 */
export function socketStreams(
  conn: Pick<Deno.Conn, "read" | "write" | "close" | "closeWrite">,
): Duplex {
  return {
    readable: byteReadable((p) => conn.read(p)),
    writable: borrower(
      new WritableStream({
        start(controller) {
          // The stream calls abort() only after the write under way, which may never end.
          controller.signal.addEventListener("abort", () => closeQuietly(conn));
        },
        async write(chunk) {
          let rest = chunk;
          while (rest.length > 0) rest = rest.subarray(await conn.write(rest));
        },
        close: () => conn.closeWrite(),
      }),
    ),
  };
}
