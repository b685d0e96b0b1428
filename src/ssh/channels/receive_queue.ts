import { type Chunk, GatheredBytes } from "./gathered_bytes.ts";

/**
 * What came in on a channel and was not read yet, as a ReadableStream.
 *
 * The stream asks for one chunk at a time and only when its reader does, so
 * `onRead` tells exactly what may be given back to the SSH window. Who reads
 * gets few large chunks (measured: a sixth of all processor time of a transfer
 * saved) and may keep or transfer them.
 *
 * It is a byte stream: who brings a buffer of their own (`mode: "byob"`) has
 * it filled, and the queue uses its own again. `src/lending.ts` says why.
 */
export class ReceiveQueue {
  /** Where it is read. */
  readonly readable: ReadableStream<Chunk>;
  /** Bytes that were read so far. */
  bytesRead = 0;

  readonly #onRead: (bytes: number) => void;
  readonly #held = new GatheredBytes();
  #controller!: ReadableByteStreamController;
  /** Wakes the reader that waits for the next chunk. */
  #wake: (() => void) | undefined;
  /** What comes after the last chunk. */
  #end: { error?: Error } | undefined;

  /**
   * Makes one that is empty.
   *
   * @param onRead Told how many bytes were read, or thrown away after a cancel.
   * @param onCancel Called when the reader wants no more.
   */
  constructor(onRead: (bytes: number) => void, onCancel: () => void) {
    this.#onRead = onRead;
    this.readable = new ReadableStream({
      type: "bytes",
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#pull(),
      cancel: () => {
        this.#end = {};
        this.#onRead(this.#held.clear());
        onCancel();
      },
    }, { highWaterMark: 0 });
  }

  /** Takes data from the transport; it is copied. */
  push(data: Uint8Array): void {
    if (data.length === 0) return;
    if (this.#end) return this.#onRead(data.length);
    this.#held.push(data);
    this.#wake?.();
  }

  /** No more will come; with an error if it should have. What is held is still read first. */
  end(error?: Error): void {
    if (this.#end) return;
    this.#end = error ? { error } : {};
    if (this.#held.length === 0) this.#finish(this.#end);
  }

  /** Nothing more may be read, not even what is held. */
  abort(error: Error): void {
    // The end that has come is not reached any more.
    if (this.#held.clear() > 0) this.#end = undefined;
    this.end(error);
  }

  async #pull(): Promise<void> {
    if (this.#held.length === 0) {
      // Goes on once all is here that came together with what wakes it.
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
    if (this.#held.length > 0) this.#deliver();
  }

  /** Hands over the next chunk, or fills the reader's; and the end if nothing is left before it. */
  #deliver(): void {
    const length = this.#fillRequest() ?? this.#enqueueChunk();
    this.bytesRead += length;
    this.#onRead(length);
    if (this.#end && this.#held.length === 0) this.#finish(this.#end);
  }

  /** Fills the reader's buffer, if it has brought one. */
  #fillRequest(): number | undefined {
    const request = this.#controller.byobRequest;
    if (!request) return undefined;
    const length = this.#held.copyTo(request.view as Uint8Array);
    request.respond(length);
    return length;
  }

  #enqueueChunk(): number {
    const chunk = this.#held.takeChunk();
    const { length } = chunk; // before it is transferred
    this.#controller.enqueue(chunk);
    return length;
  }

  #finish({ error }: { error?: Error }): void {
    if (error) this.#controller.error(error);
    else this.#close();
    this.#wake?.();
  }

  #close(): void {
    try {
      this.#controller.close();
      this.#controller.byobRequest?.respond(0); // a read that waits ends with it
    } catch {
      // The reader wants larger elements than bytes, and half of one is left:
      // the stream has failed with that. It is no fault of the connection.
    }
  }
}
