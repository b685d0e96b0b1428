import { borrower } from "../lending.ts";
import { byteReadable } from "./byte_readable.ts";

/** A connection as a pair of Web Streams. */
export interface Duplex {
  /** What the other side sends; ends at its EOF. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** What goes to the other side; closing it sends EOF and leaves the readable as it is. */
  readonly writable: WritableStream<Uint8Array>;
}

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

/** Closes a connection that may be closed already. */
export function closeQuietly(conn: Pick<Deno.Conn, "close">): void {
  try {
    conn.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
