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

  /**
   * @param readable What is read.
   * @param lend Whether chunks may be lent; else they may be kept.
   * @throws {TypeError} if somebody else reads the stream.
   */
  constructor(readable: ReadableStream<Uint8Array>, lend = true) {
    this.#reader = lend && byobReader(readable) || readable.getReader();
    this.#reader.closed.then(
      () => this.#onEnd(),
      () => {}, // whoever reads next learns of it
    );
  }

  /** Reads what comes next; undefined at the end. */
  async read(): Promise<Uint8Array | undefined> {
    try {
      return this.#ended ? undefined : await this.#read();
    } catch (error) {
      if (this.#ended) return undefined;
      throw error;
    }
  }

  /** Wants no more of it. */
  async cancel(reason?: unknown): Promise<void> {
    if (!this.#ended) await this.#reader.cancel(reason);
  }

  async #read(): Promise<Uint8Array | undefined> {
    if (this.#reader instanceof ReadableStreamDefaultReader) {
      return (await this.#reader.read()).value;
    }
    if (this.#buffer.byteLength !== this.#size) {
      this.#buffer = new ArrayBuffer(this.#size);
    }
    const { value, done } = await this.#reader.read(
      new Uint8Array(this.#buffer),
    );
    if (done) return undefined;
    this.#buffer = value.buffer;
    this.#size = nextSize(this.#size, value.length);
    return value;
  }

  /**
   * A byte stream that is closed without `respond(0)`, as many are, leaves the
   * read that waits with a buffer waiting for ever. This ends it.
   */
  #onEnd(): void {
    this.#ended = true;
    this.#reader.releaseLock();
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
