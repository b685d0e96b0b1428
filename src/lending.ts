/**
 * Moving bytes from stream to stream without garbage: one fills a buffer, the
 * other is done with it when its write has settled, and the buffer is used
 * again. At some 100 MB/s, collecting a new one for each chunk costs a tenth
 * of a processor, and more of a second one.
 *
 * @module
 */

/** Buffers start with this size, so that an idle connection costs little, ... */
const SMALLEST = 2 * 1024;
/** ... and grow to this one as long as they are filled. */
const LARGEST = 128 * 1024;

const borrowers = new WeakSet<WritableStream>();

/**
 * Tells of a stream whose writes, once settled, are done with their bytes, and
 * that takes one at a time: when it is ready again, the last one has settled.
 */
export function borrower<W extends WritableStream>(writable: W): W {
  borrowers.add(writable);
  return writable;
}

/** Whether bytes can be lent to a stream: see {@linkcode borrower}. */
export function borrows(writable: WritableStream): boolean {
  return borrowers.has(writable);
}

/**
 * Reads a stream in chunks that are lent: good only until the next read. A
 * byte stream is given one buffer to fill again and again; any other stream's
 * chunks are passed on as they are.
 */
export class LendingReader {
  readonly #reader:
    | ReadableStreamDefaultReader<Uint8Array>
    | ReadableStreamBYOBReader;
  #buffer = new ArrayBuffer(0);
  #size = SMALLEST;
  #ended = false;
  /** Ends the read that waits. */
  #leave = () => {};

  /**
   * @param readable What is read.
   * @param lend Whether chunks may be lent; else they may be kept.
   * @throws {TypeError} if somebody else reads the stream.
   */
  constructor(readable: ReadableStream<Uint8Array>, lend = true) {
    this.#reader = lend && byobReader(readable) || readable.getReader();
    this.#reader.closed
      .then(() => {}) // so that what was read before the end comes before it
      .then(() => this.#onEnd(), () => {}); // an error comes with the next read
  }

  /** Reads what comes next; undefined at the end. One read at a time. */
  read(): Promise<Uint8Array | undefined> {
    if (this.#ended) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#leave = () => resolve(undefined);
      if (this.#reader instanceof ReadableStreamDefaultReader) {
        this.#reader.read().then(({ value }) => resolve(value), reject);
      } else {
        this.#reader.read(this.#ownBuffer()).then(
          ({ value, done }) => resolve(done ? undefined : this.#lend(value)),
          reject,
        );
      }
    });
  }

  /** Wants no more of it. */
  async cancel(reason?: unknown): Promise<void> {
    await this.#reader.cancel(reason);
  }

  #ownBuffer(): Uint8Array<ArrayBuffer> {
    if (this.#buffer.byteLength !== this.#size) {
      this.#buffer = new ArrayBuffer(this.#size);
    }
    return new Uint8Array(this.#buffer);
  }

  #lend(chunk: Uint8Array<ArrayBuffer>): Uint8Array {
    this.#buffer = chunk.buffer;
    this.#size = nextSize(this.#size, chunk.length);
    return chunk;
  }

  /**
   * A byte stream that is closed without `respond(0)`, as many are, leaves the
   * read that waits with a buffer waiting for ever. This ends it.
   */
  #onEnd(): void {
    this.#ended = true;
    this.#leave();
  }
}

function byobReader(
  readable: ReadableStream<Uint8Array>,
): ReadableStreamBYOBReader | undefined {
  try {
    return readable.getReader({ mode: "byob" });
  } catch {
    return undefined; // no byte stream
  }
}

/** The size of the next buffer, after one of this size had so many bytes read into it. */
function nextSize(size: number, read: number): number {
  if (read === size) return Math.min(size * 4, LARGEST);
  return read < SMALLEST ? SMALLEST : size;
}
