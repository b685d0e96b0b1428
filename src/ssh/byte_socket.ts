import type { ByteStream } from "./byte_stream.ts";

/** Bytes that may wait to be written before {@linkcode ByteSocket.congested} says so. */
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

/** How a socket ended. */
export interface SocketEnd {
  /** What broke the stream, unless we had ended it before. */
  readonly error?: Error;
}

/** Takes what comes in. */
export interface SocketReader {
  /** The next bytes. */
  onData(bytes: Uint8Array): void;
  /** The other side has ended; the socket closes after that. */
  onEnd(): void;
}

/**
 * A byte stream as an SSH engine wants it: what is written within one task goes
 * out together, writers learn when to wait, and a goodbye ends in time.
 */
export class ByteSocket {
  /** Whether the reader keeps views of what it is given: if not, its memory is used again. */
  dataIsKept = true;
  /** Bytes that came in so far: any of them is a sign of life. */
  bytesRead = 0;
  /** Bytes that were queued to go out so far. */
  bytesWritten = 0;
  /** Settles as soon as nothing comes or goes any more. */
  readonly ended: Promise<SocketEnd>;
  /** Settles once the stream is closed and nothing runs any more. */
  readonly closed: Promise<void>;

  readonly #stream: ByteStream;
  readonly #ended = Promise.withResolvers<SocketEnd>();
  readonly #closed = Promise.withResolvers<void>();
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
    this.#stream = stream;
    this.ended = this.#ended.promise;
    this.closed = this.#closed.promise;
  }

  /** Whether writers should wait for {@linkcode drained}. */
  get congested(): boolean {
    return this.#queued > CONGESTED;
  }

  /** Whether {@linkcode write} has an effect. */
  get writable(): boolean {
    return !this.#ending && !this.#destroyed;
  }

  /** Settles when there is room again, or nothing will be written any more. */
  drained(): Promise<void> {
    if (!this.congested || this.#destroyed) return Promise.resolve();
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  /** Starts reading. An error that the reader throws ends the socket with it. */
  start(reader: SocketReader): void {
    if (this.#reading || this.#destroyed) return;
    this.#reading = true;
    this.#read(reader);
  }

  /** Queues a copy of bytes; they go out together at the end of the current task. */
  write(bytes: Uint8Array): void {
    if (!this.writable) return;
    this.#reserve(this.#length + bytes.length);
    this.#gathered.set(bytes, this.#length);
    this.#length += bytes.length;
    this.#queued += bytes.length;
    this.bytesWritten += bytes.length;
    this.#startFlush();
  }

  /** Ends the writing side once all is written, then closes as soon as the other side ends too. Idempotent. */
  end(): void {
    if (!this.writable) return;
    this.#ending = true;
    this.#expectProgress();
    this.#startFlush();
  }

  /** Closes at once; what is queued is dropped. Idempotent. */
  destroy(error?: Error): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#length = 0;
    this.#queued = 0;
    clearTimeout(this.#linger);
    this.#drained?.resolve();
    this.#ended.resolve(error ? { error } : {});
    this.#closed.resolve(this.#closeStream());
  }

  async #closeStream(): Promise<void> {
    try {
      await this.#stream.close();
    } catch {
      // It was closed from the other side of the interface: that is what was wanted.
    }
  }

  async #read(reader: SocketReader): Promise<void> {
    let room = new Uint8Array(SLAB_SIZE);
    try {
      while (!this.#destroyed) {
        const n = await this.#stream.read(room.subarray(0, READ_SIZE));
        if (this.#destroyed) return;
        if (n === null) break;
        this.bytesRead += n;
        const wasKept = this.dataIsKept; // it may change in the midst of a chunk
        reader.onData(room.subarray(0, n));
        if (wasKept || this.dataIsKept) room = room.subarray(n);
        if (room.length < READ_SIZE / 2) room = new Uint8Array(SLAB_SIZE);
        // Answers have no window: who does not take them cannot ask for more.
        if (this.#queued > MAX_QUEUED) await this.drained();
      }
      if (this.#destroyed) return;
      reader.onEnd();
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
    if (!this.#reading) return this.destroy();
    this.#expectProgress();
  }

  /** A goodbye takes no longer than the other side takes part in it. */
  #expectProgress(): void {
    clearTimeout(this.#linger);
    if (this.#destroyed) return;
    this.#linger = setTimeout(() => this.destroy(), LINGER_MS);
  }
}
