/**
 * Reads a stream in chunks that are good only until the next read. A byte
 * stream is given one buffer to fill again and again, which leaves no garbage;
 * any other stream's chunks are passed on as they are.
 */
export class LendingReader {
  readonly #reader:
    | ReadableStreamDefaultReader<Uint8Array>
    | ReadableStreamBYOBReader;
  #buffer = new ArrayBuffer(0);

  /** @throws {TypeError} if somebody else reads the stream. */
  constructor(readable: ReadableStream<Uint8Array>) {
    this.#reader = byobReader(readable) ?? readable.getReader();
    this.#reader.closed.catch(() => {}); // whoever reads next learns of it
  }

  /**
   * Reads what comes next; undefined at the end.
   *
   * @param size Bytes that a byte stream may give at most.
   */
  async read(size: number): Promise<Uint8Array | undefined> {
    if (this.#reader instanceof ReadableStreamDefaultReader) {
      return (await this.#reader.read()).value;
    }
    if (this.#buffer.byteLength < size) this.#buffer = new ArrayBuffer(size);
    const { value, done } = await this.#reader.read(
      new Uint8Array(this.#buffer, 0, size),
    );
    if (value) this.#buffer = value.buffer;
    return done ? undefined : value;
  }

  /** Wants no more of it. */
  async cancel(reason?: unknown): Promise<void> {
    await this.#reader.cancel(reason);
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
