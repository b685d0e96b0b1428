/** Bytes per read for a reader that brings no buffer. */
const READ_SIZE = 16 * 1024;

/**
 * A byte stream of what `read` fills buffers with, until it says null.
 *
 * @param cancel Called when its reader cancels.
 */
export function byteReadable(
  read: (p: Uint8Array<ArrayBuffer>) => Promise<number | null>,
  cancel?: (reason: unknown) => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: READ_SIZE,
    async pull(controller) {
      const request = controller.byobRequest!;
      const n = await read(request.view as Uint8Array<ArrayBuffer>);
      if (n === null) controller.close();
      request.respond(n ?? 0); // a read that waits ends only with it
    },
    cancel: (reason) => cancel?.(reason),
  }, { highWaterMark: 0 });
}
