import type { ByteStream } from "../../streams/byte_stream.ts";
import { StreamOutput } from "../native/packets/stream_output.ts";

/** Reading pauses while more bytes than this wait to be written. */
const MAX_QUEUED = 8 * 1024 * 1024;
/** Bytes that are read at once at most. */
const READ_SIZE = 128 * 1024;
/** Read buffers are cut from slabs of this size, as npm:ssh2 keeps views of them. */
const SLAB_SIZE = 512 * 1024;
/** How long the other side may take for each step once we end, in milliseconds. */
const LINGER_MS = 1000;

/** How a socket ended. */
export interface SocketClosing {
  /** What broke the stream, unless we had ended it before. */
  readonly error?: Error;
}

/** Receives incoming bytes. */
export interface SocketReader {
  /** The next bytes. */
  onData(bytes: Uint8Array): void;
  /** The other side has ended; the socket closes after that. */
  onEnd(): void;
}

/**
 * A byte stream as npm:ssh2 wants it: what is written within one task goes
 * out together, writers learn when to wait, and a goodbye ends in time.
 */
export class ByteSocket {
  /** Bytes that came in so far: any of them is a sign of life. */
  bytesReceived = 0;
  /** Settles as soon as no more bytes are sent or received. */
  readonly ended: Promise<SocketClosing>;
  /** Settles once the stream is closed and all work has stopped. */
  readonly closed: Promise<void>;

  readonly #stream: ByteStream;
  readonly #ended = Promise.withResolvers<SocketClosing>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #output: StreamOutput;
  #ending = false;
  #destroyed = false;
  #reading = false;
  #drained: PromiseWithResolvers<void> | undefined;
  #linger: ReturnType<typeof setTimeout> | undefined;

  /** @param stream What carries the connection; this owns and closes it. */
  constructor(stream: ByteStream) {
    this.#stream = stream;
    this.#output = new StreamOutput(stream, {
      onProgress: () => this.#onProgress(),
      onError: (error) => this.#fail(error),
    });
    this.ended = this.#ended.promise;
    this.closed = this.#closed.promise;
  }

  /** Whether writers should wait for {@linkcode drained}. */
  get congested(): boolean {
    return this.#output.congested;
  }

  /** Bytes that were queued to go out so far. */
  get bytesSent(): number {
    return this.#output.bytesSent;
  }

  /** Whether {@linkcode write} has an effect. */
  get writable(): boolean {
    return !this.#ending && !this.#destroyed;
  }

  /** Settles when there is room again, or the socket has ended. */
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
    if (this.writable) this.#output.reserve(bytes.length).set(bytes);
  }

  /** Ends the writing side once all is written, then closes as soon as the other side ends too. Idempotent. */
  end(): void {
    if (!this.writable) return;
    this.#ending = true;
    this.#expectProgress();
    this.#finish().catch((error) => this.#fail(error));
  }

  /** Closes at once; what is queued is dropped. Idempotent. */
  destroy(error?: Error): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#output.stop();
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
        this.bytesReceived += n;
        reader.onData(room.subarray(0, n));
        room = room.subarray(n);
        if (room.length < READ_SIZE / 2) room = new Uint8Array(SLAB_SIZE);
        // Answers have no window: read no requests from a peer that does not take them.
        if (this.#output.queued > MAX_QUEUED) await this.drained();
      }
      if (this.#destroyed) return;
      reader.onEnd();
      this.destroy();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** An error after our DISCONNECT is expected. */
  #fail(error: unknown): void {
    this.destroy(this.#ending ? undefined : error as Error);
  }

  #onProgress(): void {
    if (this.#ending) this.#expectProgress();
    if (!this.#drained || this.congested) return;
    this.#drained.resolve();
    this.#drained = undefined;
  }

  /** Half-closes once all is written; the reading side then ends it, or the linger time does. */
  async #finish(): Promise<void> {
    await this.#output.flushed();
    if (this.#destroyed) return;
    await this.#stream.closeWrite();
    if (this.#destroyed) return;
    if (!this.#reading) return this.destroy();
    this.#expectProgress();
  }

  /** Closing waits only while the other side takes part in it. */
  #expectProgress(): void {
    clearTimeout(this.#linger);
    if (this.#destroyed) return;
    this.#linger = setTimeout(() => this.destroy(), LINGER_MS);
  }
}
