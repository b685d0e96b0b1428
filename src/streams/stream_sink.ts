import type { ByteSink } from "./direct.ts";

/** Any stream of bytes, to write. It may keep what it gets, so it gets copies. */
export class StreamSink implements ByteSink {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  /** @throws {TypeError} if the stream has another writer. */
  constructor(writable: WritableStream<Uint8Array>) {
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(() => {}); // even if there is no onFailure()
  }

  /** Settles when the stream has room again. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#writer.write(bytes.slice()).catch(() => {}); // `ready` and `closed` report it
    await this.#writer.ready;
  }

  end(): Promise<void> {
    return this.#writer.close();
  }

  abort(reason: unknown): void {
    this.#writer.abort(reason).catch(() => {});
  }

  onFailure(callback: (error: unknown) => void): void {
    this.#writer.closed.catch(callback);
  }
}
