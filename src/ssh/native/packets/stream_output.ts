import process from "node:process";
import type { ByteStream } from "../../../streams/byte_stream.ts";
import { QueueLimit, SMALLEST_SAMPLE } from "./queue_limit.ts";

/** Initial size of the buffers, and the size up to which they are kept. */
const FIRST_BUFFER = 16 * 1024;
const LARGEST_KEPT = 512 * 1024;

/**
 * Gathers bytes, and writes those of one turn of the event loop in one piece.
 */
export class StreamOutput {
  /** Bytes queued so far, written or not. */
  bytesSent = 0;

  readonly #stream: ByteStream;
  readonly #limit = new QueueLimit();
  readonly #events: { onProgress(): void; onError(error: unknown): void };
  /** The buffer that is filled and the one that is being written; they take turns. */
  #gathered: Uint8Array = new Uint8Array(FIRST_BUFFER);
  #written: Uint8Array = new Uint8Array(FIRST_BUFFER);
  /** Bytes in the buffer that is filled. */
  #length = 0;
  /** Bytes in both buffers that are not written yet. */
  #queued = 0;
  #flushing: Promise<void> | undefined;
  #stopped = false;

  /**
   * @param stream The stream; its owner closes it.
   * @param events `onProgress` is called after each write, which may have ended congestion.
   */
  constructor(
    stream: ByteStream,
    events: { onProgress(): void; onError(error: unknown): void },
  ) {
    this.#stream = stream;
    this.#events = events;
  }

  /** Bytes that are not written yet. */
  get queued(): number {
    return this.#queued;
  }

  /** Whether so much is queued that writers should wait. */
  get congested(): boolean {
    return this.#queued > this.#limit.bytes;
  }

  /** Queues bytes, which the caller fills in before it returns to the event loop. */
  reserve(size: number): Uint8Array {
    const start = this.#length;
    this.#length += size;
    if (this.#length > this.#gathered.length) this.#grow(start);
    this.#queued += size;
    this.bytesSent += size;
    this.#flushing ??= this.#flush();
    return this.#gathered.subarray(start, this.#length);
  }

  /** Settles when what is queued has been written, or writing has failed. */
  async flushed(): Promise<void> {
    await this.#flushing;
  }

  /** Drops what is queued; nothing is written after that. */
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
    // A tick comes after all promises of this turn: what they send goes along.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    try {
      while (this.#length > 0 && !this.#stopped) {
        const bytes = this.#gathered.subarray(0, this.#length);
        [this.#gathered, this.#written] = [this.#written, this.#gathered];
        this.#length = 0;
        for (let done = 0; done < bytes.length && !this.#stopped;) {
          const isSample = bytes.length - done >= SMALLEST_SAMPLE;
          const before = isSample ? performance.now() : 0;
          const n = await this.#stream.write(
            done === 0 ? bytes : bytes.subarray(done),
          );
          if (isSample) this.#limit.onWritten(n, performance.now() - before);
          done += n;
          if (this.#stopped) return;
          this.#queued -= n;
          this.#events.onProgress();
        }
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
}
