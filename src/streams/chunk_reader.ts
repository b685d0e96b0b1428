import type { ByteSource, Lent } from "./direct.ts";
import { StreamSource } from "./stream_source.ts";
import { Turns } from "../turns.ts";

/** Reads chunks into buffers of any size, as `Deno.Reader` does. */
export class ChunkReader implements ByteSource {
  readonly #source: ByteSource;
  /** What was read and did not fit. */
  #rest: Uint8Array = new Uint8Array();
  /** Reads take turns, as those of a `Deno.Conn` do. */
  readonly #turns = new Turns();

  /** @throws {TypeError} if the stream has another reader. */
  constructor(source: ByteSource | ReadableStream<Uint8Array>) {
    this.#source = source instanceof ReadableStream
      ? new StreamSource(source)
      : source;
  }

  /** Reads into `p`; resolves to the bytes read, or null at the end. */
  read(p: Uint8Array): Promise<number | null> {
    return this.#turns.take(() => this.#read(p));
  }

  /** Lends what is left of the last chunk, or the next one. */
  lend(): Lent | Promise<Lent> {
    if (this.#rest.length === 0) return this.#source.lend();
    const rest = this.#rest;
    this.#rest = new Uint8Array();
    return rest;
  }

  /** Stops reading. */
  cancel(reason?: unknown): void {
    this.#source.cancel(reason);
  }

  async #read(p: Uint8Array): Promise<number | null> {
    if (p.length === 0) return 0;
    while (this.#rest.length === 0) {
      const chunk = await this.#source.lend();
      if (!chunk) return null;
      this.#rest = chunk;
    }
    const n = Math.min(p.length, this.#rest.length);
    p.set(this.#rest.subarray(0, n));
    this.#rest = this.#rest.subarray(n);
    return n;
  }
}
