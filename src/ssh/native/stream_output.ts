import type { ByteStream } from "../byte_stream.ts";

/** Bytes that may wait to be written before {@linkcode StreamOutput.congested} says so. */
const CONGESTED = 192 * 1024;
/** What waits is gathered in buffers that begin with this size, and are kept up to a larger one. */
const FIRST_BUFFER = 16 * 1024;
const LARGEST_KEPT = 512 * 1024;

/**
 * Gathers what is to be written, and writes what came together in one turn of
 * the event loop in one piece.
 */
export class StreamOutput {
  /** Bytes that were queued so far. */
  bytesWritten = 0;

  readonly #stream: ByteStream;
  readonly #events: { onProgress(): void; onError(error: unknown): void };
  /** What is gathered for the next write, and the buffer of the one before: they take turns. */
  #gathered: Uint8Array = new Uint8Array(FIRST_BUFFER);
  #written: Uint8Array = new Uint8Array(FIRST_BUFFER);
  /** Bytes that are gathered. */
  #length = 0;
  /** Bytes that are gathered or being written. */
  #queued = 0;
  #flushing: Promise<void> | undefined;
  #stopped = false;

  /**
   * @param stream Where it goes; the owner closes it.
   * @param events `onProgress` after each write, which may have ended congestion.
   */
  constructor(
    stream: ByteStream,
    events: { onProgress(): void; onError(error: unknown): void },
  ) {
    this.#stream = stream;
    this.#events = events;
  }

  /** Bytes that wait. */
  get queued(): number {
    return this.#queued;
  }

  /** Whether so much waits that writers should, too. */
  get congested(): boolean {
    return this.#queued > CONGESTED;
  }

  /** Queues that many bytes, which the caller fills in before it returns to the event loop. */
  reserve(size: number): Uint8Array {
    const start = this.#length;
    this.#length += size;
    if (this.#length > this.#gathered.length) this.#grow(start);
    this.#queued += size;
    this.bytesWritten += size;
    this.#flushing ??= Promise.resolve().then(() => this.#flush());
    return this.#gathered.subarray(start, this.#length);
  }

  /** Writes what is queued; settles also if that fails. */
  async flushed(): Promise<void> {
    await this.#flushing;
  }

  /** Drops what is queued and writes nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#length = 0;
    this.#queued = 0;
  }

  #grow(used: number): void {
    let capacity = 2 * this.#gathered.length;
    while (capacity < this.#length) capacity *= 2;
    const larger = new Uint8Array(capacity);
    larger.set(this.#gathered.subarray(0, used));
    this.#gathered = larger;
  }

  async #flush(): Promise<void> {
    try {
      while (this.#length > 0 && !this.#stopped) {
        const bytes = this.#gathered.subarray(0, this.#length);
        [this.#gathered, this.#written] = [this.#written, this.#gathered];
        this.#length = 0;
        await this.#write(bytes);
        if (this.#written.length > LARGEST_KEPT) {
          this.#written = new Uint8Array(FIRST_BUFFER);
        }
      }
    } catch (error) {
      if (!this.#stopped) this.#events.onError(error);
    } finally {
      this.#flushing = undefined;
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length && !this.#stopped;) {
      const n = await this.#stream.write(bytes.subarray(done));
      done += n;
      if (this.#stopped) return;
      this.#queued -= n;
      this.#events.onProgress();
    }
  }
}
