/** A chunk as it comes from the transport, and as streams hand it on. */
export type Chunk = Uint8Array<ArrayBuffer>;

/** Chunks under this size are gathered while nobody reads. */
const SMALL = 1024;
/** Bytes that small chunks are gathered in. */
const GATHERED = 4 * SMALL;

/**
 * What came in on a channel and was not read yet, as a ReadableStream.
 *
 * The stream asks for one chunk at a time and only when its reader does, so
 * `onRead` tells exactly what may be given back to the SSH window. What is
 * held takes a few times the window in memory at most, however small the
 * packets are that it came in.
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
  /** Small chunks in one piece; the last of `#chunks` is what of it is used. */
  #gathered: Chunk | undefined;
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
        this.#end = {};
        this.#onRead(this.#discard());
        onCancel();
      },
    }, { highWaterMark: 0 });
  }

  /** Takes a chunk from the transport. */
  push(chunk: Chunk): void {
    if (chunk.length === 0) return;
    if (this.#end) return this.#onRead(chunk.length);
    if (chunk.length < SMALL && this.#chunks.length > 0) this.#gather(chunk);
    else this.#add(own(chunk));
    this.#wake?.();
  }

  /** No more will come; with an error if it should have. What is queued is still read first. */
  end(error?: Error): void {
    if (this.#end) return;
    this.#end = error ? { error } : {};
    if (this.#chunks.length === 0) this.#finish(this.#end);
  }

  /** Nothing more may be read, not even what is queued. */
  abort(error: Error): void {
    this.#discard();
    this.end(error);
  }

  #pull(): Promise<void> | void {
    if (this.#chunks.length > 0) return this.#deliver();
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        if (this.#chunks.length > 0) this.#deliver();
        resolve();
      };
    });
  }

  /** Hands over the next chunk, and the end if nothing is left before it. */
  #deliver(): void {
    const chunk = this.#chunks[this.#head++]!;
    // Amortised: neither a shift for each chunk nor a dead half that grows.
    if (this.#head === this.#chunks.length || this.#head === 64) {
      this.#chunks.splice(0, this.#head);
      this.#head = 0;
    }
    if (this.#chunks.length === 0) this.#gathered = undefined;
    this.bytesRead += chunk.length;
    this.#controller.enqueue(chunk);
    this.#onRead(chunk.length);
    if (this.#end && this.#chunks.length === 0) this.#finish(this.#end);
  }

  #finish({ error }: { error?: Error }): void {
    if (error) this.#controller.error(error);
    else this.#controller.close();
    this.#wake?.();
  }

  #add(chunk: Chunk): void {
    this.#chunks.push(chunk);
    this.#gathered = undefined;
  }

  #gather(chunk: Chunk): void {
    let used = this.#gathered ? this.#chunks.pop()!.length : 0;
    if (!this.#gathered || used + chunk.length > GATHERED) {
      if (this.#gathered) this.#chunks.push(this.#gathered.subarray(0, used));
      this.#gathered = new Uint8Array(GATHERED);
      used = 0;
    }
    this.#gathered.set(chunk, used);
    this.#chunks.push(this.#gathered.subarray(0, used + chunk.length));
  }

  /** Throws away what is queued; returns how many bytes that was. */
  #discard(): number {
    const unread = this.#chunks.slice(this.#head);
    this.#chunks = [];
    this.#head = 0;
    this.#gathered = undefined;
    this.#wake = undefined;
    return unread.reduce((bytes, chunk) => bytes + chunk.length, 0);
  }
}

/**
 * A chunk that its reader may keep or transfer: ssh2's are Buffers, and may be
 * part of what holds other packets too.
 */
function own({ buffer, byteOffset, length }: Chunk): Chunk {
  const view = new Uint8Array(buffer, byteOffset, length);
  return length * 2 > buffer.byteLength ? view : view.slice();
}
