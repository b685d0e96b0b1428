import type { ByteSink } from "./direct.ts";

/** A stream that writes to a sink. */
export function writableTo(sink: ByteSink): WritableStream<Uint8Array> {
  return new WritableStream({
    start(controller) {
      sink.onFailure((error) => controller.error(error));
      // The stream calls abort() only after the write under way: end that.
      const { signal } = controller;
      signal.addEventListener("abort", () => sink.abort(signal.reason));
    },
    write(chunk) {
      if (chunk instanceof Uint8Array) return sink.write(chunk);
      throw new TypeError("a channel takes Uint8Array chunks only");
    },
    close: () => sink.end(),
  });
}
