/**
 * A byte stream as the socket that npm:ssh2 wants.
 *
 * ssh2 asks for a node:net Socket and uses little of it. Standing in for it
 * keeps the connection a `Deno.Conn` (so that it takes a signal, TCP_NODELAY
 * and counts as a resource), writes each SSH packet in one piece (ssh2 hands
 * over three for chacha20), and tells writers when to wait, which ssh2 does
 * not ask a socket.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import type { ByteStream } from "./byte_stream.ts";
import { Greeting } from "./greeting.ts";

/** Bytes that may wait to be written before {@linkcode Ssh2Socket.congested} says so. */
const CONGESTED = 192 * 1024;
/** Bytes that may wait to be written before nothing is read any more. */
const MAX_QUEUED = 8 * 1024 * 1024;
/** What waits to be written is gathered in buffers that begin with this size. */
const FIRST_BUFFER = 16 * 1024;
/** Bytes that are read at once at most. */
const READ_SIZE = 128 * 1024;
/** Read buffers are cut from slabs of this size, as long as they are kept. */
const SLAB_SIZE = 512 * 1024;
/** How long the other side may take for each step once we end, in milliseconds. */
const LINGER_MS = 1000;

/** The socket; its events are those of node:net that ssh2 listens to. */
export class Ssh2Socket extends EventEmitter {
  /** Whether who listens to `data` keeps views of it, as ssh2's own deciphers do: if not, its memory is used again. */
  dataIsKept = true;
  /** Read by ssh2 before each write. */
  writable = true;
  /** Read by ssh2 when its own keepalive gives up. */
  readable = true;
  /** Read by ssh2 as the true state of {@linkcode writable}. */
  readonly _readableState: { ended: boolean } = { ended: false };

  /** Bytes that came in so far: any of them is a sign of life. */
  bytesRead = 0;
  /** Bytes that were queued to go out so far. */
  bytesWritten = 0;
  /** What came in first, to tell what answered if it was not SSH. */
  readonly greeting: Greeting = new Greeting();
  /** Settles once the stream is closed and nothing runs any more. */
  readonly closed: Promise<void>;

  readonly #stream: ByteStream;
  readonly #finished = Promise.withResolvers<void>();
  /** What is gathered for the next write, and the buffer of the one before: they take turns. */
  #gathered: Uint8Array = new Uint8Array(FIRST_BUFFER);
  #written: Uint8Array = new Uint8Array(FIRST_BUFFER);
  /** Bytes that are gathered. */
  #length = 0;
  /** Bytes that are gathered or being written. */
  #queued = 0;
  #flushing = false;
  #ending = false;
  #destroyed = false;
  #reading = false;
  #drained: PromiseWithResolvers<void> | undefined;
  #linger: ReturnType<typeof setTimeout> | undefined;

  /** @param stream What carries the connection; this owns and closes it. */
  constructor(stream: ByteStream) {
    super();
    this.#stream = stream;
    this.closed = this.#finished.promise;
  }

  /** Whether writers should wait for {@linkcode drained}. */
  get congested(): boolean {
    return this.#queued > CONGESTED;
  }

  /** Settles when there is room again, or nothing will be written any more. */
  drained(): Promise<void> {
    if (!this.congested || this.#destroyed) return Promise.resolve();
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  /** Part of what ssh2 calls; reading starts with {@linkcode resume} and does not pause for it: the windows bound it. */
  pause(): this {
    return this;
  }

  /** Starts reading. */
  resume(): this {
    if (!this.#reading && !this.#destroyed) {
      this.#reading = true;
      this.#read();
    }
    return this;
  }

  /** Queues a copy of bytes; they go out together at the end of the current task. */
  write(data: Uint8Array | string): boolean {
    if (this.#ending || this.#destroyed) return false;
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    this.#reserve(this.#length + bytes.length);
    this.#gathered.set(bytes, this.#length);
    this.#length += bytes.length;
    this.#queued += bytes.length;
    this.bytesWritten += bytes.length;
    this.#startFlush();
    return !this.congested;
  }

  /** Ends the writing side once all is written, then closes as soon as the other side ends too. */
  end(): this {
    if (this.#ending || this.#destroyed) return this;
    this.#ending = true;
    this.writable = false;
    this.#expectProgress();
    this.#startFlush();
    return this;
  }

  /** Closes at once; what is queued is dropped. */
  destroy(error?: Error): this {
    if (this.#destroyed) return this;
    this.#destroyed = true;
    this.writable = false;
    this.readable = false;
    this._readableState.ended = true;
    this.#length = 0;
    this.#queued = 0;
    clearTimeout(this.#linger);
    this.#drained?.resolve();
    const closed = this.#closeStream();
    if (error) this.emit("error", error);
    queueMicrotask(() => {
      this.emit("close");
      this.#finished.resolve(closed);
    });
    return this;
  }

  async #closeStream(): Promise<void> {
    try {
      await this.#stream.close();
    } catch {
      // It was closed from the other side of the interface: that is what was wanted.
    }
  }

  async #read(): Promise<void> {
    let room = Buffer.allocUnsafeSlow(SLAB_SIZE);
    try {
      while (!this.#destroyed) {
        const n = await this.#stream.read(room.subarray(0, READ_SIZE));
        if (this.#destroyed) return;
        if (n === null) break;
        this.bytesRead += n;
        const wasKept = this.dataIsKept; // it may change in the midst of a chunk
        const seen = this.greeting.take(room.subarray(0, n));
        if (seen) this.emit("data", seen);
        if (wasKept || this.dataIsKept) room = room.subarray(n);
        if (room.length < READ_SIZE / 2) {
          room = Buffer.allocUnsafeSlow(SLAB_SIZE);
        }
        // Answers have no window: who does not take them cannot ask for more.
        if (this.#queued > MAX_QUEUED) await this.drained();
      }
      if (this.#destroyed) return;
      this._readableState.ended = true;
      this.readable = false;
      this.emit("end");
      this.destroy();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** An error once we have said goodbye is no news. */
  #fail(error: unknown): void {
    this.destroy(this.#ending ? undefined : error as Error);
  }

  #startFlush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => this.#flush());
  }

  async #flush(): Promise<void> {
    try {
      while (this.#length > 0) await this.#writeAll(this.#takeGathered());
      this.#flushing = false;
      if (this.#ending && !this.#destroyed) await this.#finish();
    } catch (error) {
      this.#fail(error);
    }
  }

  #takeGathered(): Uint8Array {
    const taken = this.#gathered.subarray(0, this.#length);
    [this.#gathered, this.#written] = [this.#written, this.#gathered];
    this.#length = 0;
    return taken;
  }

  /** Makes room for that many bytes to be gathered. */
  #reserve(size: number): void {
    let capacity = this.#gathered.length;
    if (size <= capacity) return;
    while (capacity < size) capacity *= 2;
    const larger = new Uint8Array(capacity);
    larger.set(this.#gathered.subarray(0, this.#length));
    this.#gathered = larger;
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length && !this.#destroyed;) {
      done += await this.#stream.write(bytes.subarray(done));
      if (this.#ending) this.#expectProgress();
    }
    this.#queued -= bytes.length;
    if (this.#drained && !this.congested) {
      this.#drained.resolve();
      this.#drained = undefined;
    }
  }

  /** Half-closes; the reading side then ends it, or the linger time does. */
  async #finish(): Promise<void> {
    await this.#stream.closeWrite();
    if (this.#destroyed) return;
    if (!this.#reading) return void this.destroy();
    this.#expectProgress();
  }

  /** A goodbye takes no longer than the other side takes part in it. */
  #expectProgress(): void {
    clearTimeout(this.#linger);
    if (this.#destroyed) return;
    this.#linger = setTimeout(() => this.destroy(), LINGER_MS);
  }
}
