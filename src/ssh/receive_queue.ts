/** A chunk as it comes from the transport, and as streams hand it on. */
export type Chunk = Uint8Array<ArrayBuffer>;

const EMPTY: Chunk = new Uint8Array();

/** What comes in is gathered in buffers that have at least this size, ... */
const SMALLEST = 4 * 1024;
/** ... twice that of the last chunk that was read, and at most this one. */
const LARGEST = 128 * 1024;
/** Buffers of the largest size that wait to be filled again, by any queue: nobody else has seen them. */
const spare: Chunk[] = [];
const MAX_SPARE = 16;

/**
 * What came in on a channel and was not read yet, as a ReadableStream.
 *
 * The stream asks for one chunk at a time and only when its reader does, so
 * `onRead` tells exactly what may be given back to the SSH window. What is
 * held takes no more memory than its length and one buffer, however small the
 * packets are that it came in. Who reads gets few large chunks (measured: a
 * sixth of all processor time of a transfer saved) and may keep or transfer
 * them.
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
  #controller!: ReadableByteStreamController;
  /** Buffers that are full. */
  #full: Chunk[] = [];
  /** The buffer that comes after them, and how much of it is filled. */
  #buffer: Chunk = EMPTY;
  #filled = 0;
  /** How much of the first of them all was copied out. */
  #taken = 0;
  /** Whether the reader brings buffers: it sees none of ours then. */
  #copies = false;
  #nextSize = SMALLEST;
  /** Bytes that are in all of them. */
  #held = 0;
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
        this.#onRead(this.#discard());
        onCancel();
      },
    }, { highWaterMark: 0 });
  }

  /** Takes data from the transport; it is copied. */
  push(data: Uint8Array): void {
    if (data.length === 0) return;
    if (this.#end) return this.#onRead(data.length);
    this.#held += data.length;
    for (let rest = data; rest.length > 0;) {
      if (this.#filled === this.#buffer.length) this.#startBuffer(rest.length);
      const part = rest.subarray(0, this.#buffer.length - this.#filled);
      this.#buffer.set(part, this.#filled);
      this.#filled += part.length;
      rest = rest.subarray(part.length);
    }
    this.#wake?.();
  }

  /** No more will come; with an error if it should have. What is held is still read first. */
  end(error?: Error): void {
    if (this.#end) return;
    this.#end = error ? { error } : {};
    if (this.#held === 0) this.#finish(this.#end);
  }

  /** Nothing more may be read, not even what is held. */
  abort(error: Error): void {
    // The end that has come is not reached any more.
    if (this.#discard() > 0) this.#end = undefined;
    this.end(error);
  }

  async #pull(): Promise<void> {
    if (this.#held === 0) {
      // Goes on once all is here that came together with what wakes it.
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
    if (this.#held > 0) this.#deliver();
  }

  /** Hands over the next chunk, or fills the reader's; and the end if nothing is left before it. */
  #deliver(): void {
    const request = this.#controller.byobRequest;
    const chunk = request ? undefined : this.#takeChunk();
    const length = chunk?.length ?? this.#copyTo(request!.view as Uint8Array);
    this.#nextSize = Math.min(Math.max(2 * length, SMALLEST), LARGEST);
    this.#held -= length;
    this.bytesRead += length;
    if (chunk) this.#controller.enqueue(chunk);
    else request!.respond(length);
    this.#onRead(length);
    if (this.#end && this.#held === 0) this.#finish(this.#end);
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

  #startBuffer(wanted: number): void {
    if (this.#filled > 0) this.#full.push(this.#buffer);
    const size = Math.max(wanted, this.#nextSize);
    const used = this.#copies && size === LARGEST ? spare.pop() : undefined;
    this.#buffer = used ?? new Uint8Array(size);
    this.#filled = 0;
  }

  /** Copies what is held to `room`, as far as that goes; returns how many bytes. */
  #copyTo(room: Uint8Array): number {
    this.#copies = true;
    let copied = 0;
    while (copied < room.length && copied < this.#held) {
      const first = this.#full[0] ?? this.#buffer.subarray(0, this.#filled);
      const part = first.subarray(
        this.#taken,
        this.#taken + room.length - copied,
      );
      room.set(part, copied);
      copied += part.length;
      this.#taken += part.length;
      if (this.#taken === first.length) this.#reuseFirst();
    }
    return copied;
  }

  /** The first buffer was copied out. */
  #reuseFirst(): void {
    this.#taken = 0;
    const full = this.#full.shift();
    const buffer = full ?? this.#buffer;
    if (!full) this.#clearBuffer();
    if (buffer.length === LARGEST && spare.length < MAX_SPARE) {
      spare.push(buffer);
    }
  }

  /** Takes the first buffer, or what is left of it. */
  #takeChunk(): Chunk {
    const chunk = (this.#full.shift() ?? this.#takeFilled())
      .subarray(this.#taken);
    this.#taken = 0;
    return chunk;
  }

  /** What is in the last buffer, which is left to who gets it unless most of it is empty. */
  #takeFilled(): Chunk {
    const filled = this.#buffer.subarray(0, this.#filled);
    const mostlyEmpty = 2 * filled.length < this.#buffer.length;
    this.#clearBuffer();
    return mostlyEmpty || this.#copies ? filled.slice() : filled;
  }

  /** Throws away what is held; returns how many bytes that was. */
  #discard(): number {
    const discarded = this.#held;
    this.#full = [];
    this.#clearBuffer();
    this.#taken = 0;
    this.#held = 0;
    return discarded;
  }

  #clearBuffer(): void {
    this.#buffer = EMPTY;
    this.#filled = 0;
  }
}
