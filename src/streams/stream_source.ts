import type { ByteSource, Lent } from "./direct.ts";

/** Any stream of bytes, to read. */
export class StreamSource implements ByteSource {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  /** @throws {TypeError} if the stream has another reader. */
  constructor(readable: ReadableStream<Uint8Array>) {
    this.#reader = readable.getReader();
  }

  async lend(): Promise<Lent> {
    const { value } = await this.#reader.read();
    return value ?? null;
  }

  cancel(reason: unknown): void {
    // Whoever asked for it does not need to learn that it has failed before.
    this.#reader.cancel(reason).catch(() => {});
  }
}
