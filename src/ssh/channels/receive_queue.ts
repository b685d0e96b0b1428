import type { ByteSource, Lent } from "../../streams/direct.ts";
import { type Chunk, GatheredBytes } from "../../streams/gathered_bytes.ts";

/**
 * What came in on a channel and was not read yet, to be read directly or as a
 * ReadableStream, which is made only when it is asked for.
 *
 * It asks for one chunk at a time and only when its reader does, so `onRead`
 * tells exactly what may be given back to the SSH window. Who reads
 * gets few large chunks (measured: a sixth of all processor time of a transfer
 * saved), and may keep or transfer those of the stream.
 *
 * It is a byte stream: who brings a buffer of their own (`mode: "byob"`) has
 * it filled, and the queue uses its own again.
 */
export class ReceiveQueue implements ByteSource {
  /** Bytes that were read so far. */
  bytesReceived = 0;

  readonly #onRead: (bytes: number) => void;
  readonly #onCancel: () => void;
  readonly #held = new GatheredBytes();
  #readable: ReadableStream<Chunk> | undefined;
  #controller: ReadableByteStreamController | undefined;
  #isDirect = false;
  /** Whether a direct reader has seen the end or has cancelled. */
  #isTaken = false;
  #onTaken: (() => void) | undefined;
  /** Wakes the reader that waits for the next chunk. */
  #wake: (() => void) | undefined;
  /** What comes after the last chunk. */
  #end: { error?: Error } | undefined;

  /**
   * @param onRead Receives the number of bytes that were read, or dropped after a cancel.
   * @param onCancel Called when the reader cancels.
   */
  constructor(onRead: (bytes: number) => void, onCancel: () => void) {
    this.#onRead = onRead;
    this.#onCancel = onCancel;
  }

  /** The stream; locked where {@linkcode takeSource} was called before. */
  get readable(): ReadableStream<Chunk> {
    return this.#readable ??= this.#openStream();
  }

  /** The queue itself, for one reader; undefined if there is a stream. */
  takeSource(): ByteSource | undefined {
    if (this.#readable || this.#isDirect) return undefined;
    this.#isDirect = true;
    this.#held.keepsBuffers = true;
    return this;
  }

  get isReady(): boolean {
    return this.#held.length > 0;
  }

  lend(): Lent | Promise<Lent> {
    this.#held.takeBack();
    return this.#held.length > 0 || this.#end ? this.#lendNext() : this.#wait();
  }

  /** The reader cancelled. */
  cancel(): void {
    this.#end = {};
    this.#onRead(this.#held.clear());
    this.release();
    this.#wake?.();
    this.#onCancel();
  }

  /** Queues a copy of data from the transport. */
  push(data: Uint8Array): void {
    if (data.length === 0) return;
    if (this.#end) return this.#onRead(data.length);
    this.#held.push(data);
    this.#wake?.();
  }

  /** Ends the data, with an error if it is incomplete. What is held is still read first. */
  end(error?: Error): void {
    if (this.#end) return;
    this.#end = error ? { error } : {};
    if (this.#held.length === 0) this.#finish(this.#end);
  }

  /** Fails later reads, even of what is held; there may be none. */
  abort(error: Error): void {
    // The end that was received is never reached.
    if (this.#held.clear() > 0) this.#end = undefined;
    this.end(error);
    this.release();
  }

  /**
   * Calls back once a direct reader has all that came, or nothing is left for
   * it; at once if there is no such reader: what is left in a stream is its
   * reader's.
   */
  onceTaken(callback: () => void): void {
    if (this.#isTaken || !this.#isDirect) callback();
    else this.#onTaken = callback;
  }

  /** No longer waits for the reader; what is held can still be read. */
  release(): void {
    this.#isTaken = true;
    this.#onTaken?.();
    this.#onTaken = undefined;
  }

  #openStream(): ReadableStream<Chunk> {
    const readable: ReadableStream<Chunk> = new ReadableStream({
      type: "bytes",
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#pull(),
      cancel: () => this.cancel(),
    }, { highWaterMark: 0 });
    if (this.#isDirect) readable.getReader();
    else if (this.#end && this.#held.length === 0) this.#finish(this.#end);
    return readable;
  }

  /** Continues once everything that came together with the waking data is here. */
  async #wait(): Promise<Lent> {
    await new Promise<void>((resolve) => this.#wake = resolve);
    this.#wake = undefined;
    return this.#lendNext();
  }

  #lendNext(): Lent {
    if (this.#held.length === 0) {
      this.release();
      if (this.#end?.error) throw this.#end.error;
      return null;
    }
    const lent = this.#held.lend();
    this.bytesReceived += lent.length;
    this.#onRead(lent.length);
    return lent;
  }

  async #pull(): Promise<void> {
    if (this.#held.length === 0) {
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
    if (this.#held.length > 0) this.#deliver();
  }

  /** Delivers the next chunk, or fills the reader's buffer; then the end. */
  #deliver(): void {
    const length = this.#fillRequest() ?? this.#enqueueChunk();
    this.bytesReceived += length;
    this.#onRead(length);
    if (this.#end && this.#held.length === 0) this.#finish(this.#end);
  }

  /** Fills the reader's buffer, if it has brought one. */
  #fillRequest(): number | undefined {
    const request = this.#controller!.byobRequest;
    if (!request) return undefined;
    const length = this.#held.copyTo(request.view as Uint8Array);
    request.respond(length);
    return length;
  }

  #enqueueChunk(): number {
    const chunk = this.#held.takeChunk();
    const { length } = chunk; // before it is transferred
    this.#controller!.enqueue(chunk);
    return length;
  }

  #finish({ error }: { error?: Error }): void {
    if (error) this.#controller?.error(error);
    else this.#close();
    this.#wake?.();
  }

  #close(): void {
    try {
      this.#controller?.close();
      this.#controller?.byobRequest?.respond(0); // a read that waits ends with it
    } catch {
      // The reader wants larger elements than bytes, and half of one is left:
      // the stream has failed with that. It is no fault of the connection.
    }
  }
}
