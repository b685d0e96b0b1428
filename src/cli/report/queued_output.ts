import { concat } from "../../streams/concat.ts";
import { type Output, writeBytes } from "./output.ts";

/** What may wait to be written, in bytes. */
const MAX_WAITING = 1024 * 1024;
/** How long the end waits for the reader, in milliseconds. */
const END_MS = 1000;

/** Something to write to: `Deno.stdout`. */
type Slow = Pick<typeof Deno.stdout, "write" | "writeSync">;

/**
 * Writes without waiting for the reader: a program or a pager that is paused,
 * or a terminal after Ctrl-S, does not stop the tunnels. What no longer fits is
 * left out.
 */
export class QueuedOutput implements Output, AsyncDisposable {
  readonly #out: Slow;
  readonly #onLost: (writes: number) => void;
  #waiting: Uint8Array[] = [];
  #size = 0;
  /** How many writes were left out and not reported yet. */
  #lost = 0;
  #writing: Promise<void> | undefined;

  /** @param onLost Called with how many writes were left out, once there is room again. */
  constructor(out: Slow, onLost: (writes: number) => void) {
    this.#out = out;
    this.#onLost = onLost;
  }

  /** Queues all of the bytes, or drops all of them. */
  writeSync(bytes: Uint8Array): number {
    if (this.#size + bytes.length > MAX_WAITING) this.#lost++;
    else {
      this.#waiting.push(bytes.slice());
      this.#size += bytes.length;
      this.#writing ??= this.#write();
    }
    return bytes.length;
  }

  /** Writes what waits. What is being written may come after it. */
  flushSync(): void {
    const bytes = this.#take();
    this.#size -= bytes.length;
    writeBytes(this.#out, bytes);
  }

  /** Waits for the reader, but not for long. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, END_MS);
    await Promise.race([this.#writing, promise]);
    clearTimeout(timer);
    if (!this.#writing) return;
    this.#waiting = [];
    // A write cannot be cancelled, and would keep the process alive.
    Deno.unrefTimer(setTimeout(() => Deno.exit(), END_MS));
  }

  #take(): Uint8Array {
    const bytes = concat(...this.#waiting);
    this.#waiting = [];
    return bytes;
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      let bytes = this.#take();
      try {
        while (bytes.length > 0) {
          const written = await this.#out.write(bytes);
          this.#size -= written;
          bytes = bytes.subarray(written);
        }
      } catch {
        // The disk is full, or the reader has gone: see writeText().
        this.#size -= bytes.length;
      }
      if (this.#lost > 0) {
        const lost = this.#lost;
        this.#lost = 0;
        this.#onLost(lost);
      }
    }
    this.#writing = undefined;
  }
}
