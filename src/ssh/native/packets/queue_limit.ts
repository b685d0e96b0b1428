/** Bounds of the limit, in bytes. */
const LEAST = 32 * 1024;
const MOST = 192 * 1024;
/** What is queued should be gone after this time, in milliseconds. */
const QUEUE_MS = 5;
/** Smaller writes say little about the rate: they need not be measured. */
export const SMALLEST_SAMPLE = 16 * 1024;
/** Time over which the rate is averaged, in milliseconds. */
const MEMORY_MS = 200;

/**
 * How much may be queued before writers wait: what a stream takes in a few
 * milliseconds. On a slow link, less than on a fast one waits in line before
 * the next small message.
 */
export class QueueLimit {
  /** The limit. */
  bytes = MOST;

  #written = 0;
  #ms = 0;

  /** The stream took so many bytes, in so much time. */
  onWritten(bytes: number, ms: number): void {
    if (bytes < SMALLEST_SAMPLE) return;
    this.#written += bytes;
    this.#ms += ms;
    const wanted = this.#written / this.#ms * QUEUE_MS;
    this.bytes = Math.min(Math.max(wanted, LEAST), MOST);
    if (this.#ms < MEMORY_MS) return;
    this.#written /= 2;
    this.#ms /= 2;
  }
}
