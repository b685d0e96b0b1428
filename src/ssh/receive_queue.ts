/** A chunk as it comes from the transport, and as streams hand it on. */
export type Chunk = Uint8Array<ArrayBuffer>;

/**
 * What came in on a channel and was not read yet, as a ReadableStream.
 *
 * The stream asks for one chunk at a time and only when its reader does, so
 * `onRead` tells exactly what may be given back to the SSH window.
 */
export class ReceiveQueue {
  /** Where it is read. */
  readonly readable: ReadableStream<Chunk>;
  /** Bytes that were read so far. */
  bytesRead = 0;

  readonly #onRead: (bytes: number) => void;
  #controller!: ReadableStreamDefaultController<Chunk>;
  #chunks: Chunk[] = [];
  /** Index of the first chunk that was not read. */
  #head = 0;
  /** Wakes the reader that waits for the next chunk. */
  #wake: (() => void) | undefined;
  /** What comes after the last chunk. */
  #end: { error?: Error } | undefined;

  /**
   * @param onRead Told how many bytes were read, or thrown away after a cancel.
   * @param onCancel Called when the reader wants no more.
   */
  constructor(onRead: (bytes: number) => void, onCancel: () => void) {
    this.#onRead = onRead;
    this.readable = new ReadableStream({
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#pull(),
      cancel: () => {
        this.#cancel();
        onCancel();
      },
    }, { highWaterMark: 0 });
  }

  /** Takes a chunk from the transport. */
  push(chunk: Chunk): void {
    if (this.#end) return this.#onRead(chunk.length);
    this.#chunks.push(chunk);
    this.#wake?.();
  }

  /** No more will come; with an error if it should have. What is queued is still read first. */
  end(error?: Error): void {
    if (this.#end) return;
    this.#end = error ? { error } : {};
    this.#wake?.();
  }

  #pull(): Promise<void> | void {
    if (this.#deliver()) return;
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        this.#deliver();
        resolve();
      };
    });
  }

  /** Hands over the next chunk or the end; false if there is neither yet. */
  #deliver(): boolean {
    const chunk = this.#chunks[this.#head];
    if (chunk) {
      this.#head++;
      // Amortised: neither a shift for each chunk nor a dead half that grows.
      if (this.#head === this.#chunks.length || this.#head === 64) {
        this.#chunks.splice(0, this.#head);
        this.#head = 0;
      }
      this.bytesRead += chunk.length;
      this.#controller.enqueue(chunk);
      this.#onRead(chunk.length);
      return true;
    }
    if (!this.#end) return false;
    if (this.#end.error) this.#controller.error(this.#end.error);
    else this.#controller.close();
    return true;
  }

  #cancel(): void {
    this.#end = {};
    this.#wake = undefined;
    const unread = this.#chunks.slice(this.#head);
    this.#chunks = [];
    this.#head = 0;
    this.#onRead(unread.reduce((bytes, chunk) => bytes + chunk.length, 0));
  }
}
