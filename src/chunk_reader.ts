import { LendingReader } from "./lending.ts";
import { Turns } from "./turns.ts";

/** Reads a stream of chunks into buffers of any size, as `Deno.Reader` does. */
export class ChunkReader {
  readonly #reader: LendingReader;
  /** What was read and did not fit. */
  #rest: Uint8Array = new Uint8Array();
  /** Reads take turns, as those of a `Deno.Conn` do. */
  readonly #turns = new Turns();

  /** @throws {TypeError} if somebody else reads the stream. */
  constructor(readable: ReadableStream<Uint8Array>) {
    this.#reader = new LendingReader(readable);
  }

  /** Reads into `p`; resolves to the bytes read, or null at the end. */
  read(p: Uint8Array): Promise<number | null> {
    return this.#turns.take(() => this.#read(p));
  }

  /** Wants no more of it. */
  async cancel(reason?: unknown): Promise<void> {
    await this.#reader.cancel(reason);
  }

  async #read(p: Uint8Array): Promise<number | null> {
    if (p.length === 0) return 0;
    while (this.#rest.length === 0) {
      const chunk = await this.#reader.read();
      if (!chunk) return null;
      this.#rest = chunk;
    }
    const n = Math.min(p.length, this.#rest.length);
    p.set(this.#rest.subarray(0, n));
    this.#rest = this.#rest.subarray(n);
    return n;
  }
}
