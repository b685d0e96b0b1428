import type { ByteSource } from "./direct.ts";

/** A byte stream of what a source lends, copied. */
export function readableFrom(
  source: ByteSource,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      const lent = await source.lend();
      if (lent) return controller.enqueue(lent.slice());
      controller.close();
      controller.byobRequest?.respond(0); // a read that waits ends with it
    },
    cancel: (reason) => source.cancel(reason),
  }, { highWaterMark: 0 });
}
