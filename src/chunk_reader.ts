/** Reads a stream of chunks into buffers of any size, as `Deno.Reader` does. */
export class ChunkReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  /** What was read and did not fit. */
  #rest: Uint8Array | undefined;

  /** @throws {TypeError} if somebody else reads the stream. */
  constructor(readable: ReadableStream<Uint8Array>) {
    this.#reader = readable.getReader();
    this.#reader.closed.catch(() => {}); // whoever reads next learns of it
  }

  /** Reads into `p`; resolves to the bytes read, or null at the end. */
  async read(p: Uint8Array): Promise<number | null> {
    if (p.length === 0) return 0;
    let chunk = this.#rest;
    while (!chunk?.length) {
      const { value, done } = await this.#reader.read();
      if (done) return null;
      chunk = value;
    }
    const n = Math.min(p.length, chunk.length);
    p.set(chunk.subarray(0, n));
    this.#rest = n < chunk.length ? chunk.subarray(n) : undefined;
    return n;
  }

  /** Wants no more of it. */
  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }
}
