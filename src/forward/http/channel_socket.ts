import { Duplex } from "node:stream";
import { concat } from "../../streams/concat.ts";
import type { SshChannel } from "../../ssh/connection.ts";
import {
  type ByteSink,
  type ByteSource,
  directSink,
  directSource,
} from "../../streams/direct.ts";
import { StreamSink } from "../../streams/stream_sink.ts";
import { StreamSource } from "../../streams/stream_source.ts";

/** Writes that wait are sent together up to this many bytes: a packet. */
const TOGETHER = 32 * 1024;
/**
 * How long a client may take to end its side after ours has ended, in
 * milliseconds. Closing at once could have the server reset its connection, and
 * the end of the response would be lost.
 */
const LINGER_MS = 1000;

type Callback = (error?: Error | null) => void;

/**
 * A channel as the socket that node:http works with: the one place where a
 * Node stream is made of one.
 */
export class ChannelSocket extends Duplex {
  /** Called with each piece that was received, before anything else sees it. */
  onReceived: () => void = () => {};
  readonly #channel: SshChannel;
  readonly #source: ByteSource;
  readonly #sink: ByteSink;
  #reading = false;
  #isHeld = false;
  /** Whether more was asked for while nothing is to be read. */
  #isReadDue = false;
  #writing = false;
  #lingering: ReturnType<typeof setTimeout> | undefined;

  /** @param channel The channel; it is closed when this is destroyed. */
  constructor(channel: SshChannel) {
    super({ allowHalfOpen: true });
    this.#channel = channel;
    this.#source = directSource(channel) ?? new StreamSource(channel.readable);
    this.#sink = directSink(channel) ?? new StreamSink(channel.writable);
    this.#sink.onFailure((error) => this.destroy(error as Error));
    channel.closed.then(() => this.destroy());
  }

  /** Bytes that went either way so far. */
  get moved(): number {
    return this.#channel.bytesReceived + this.#channel.bytesSent;
  }

  /** Bytes that the client was sent so far. */
  get sent(): number {
    return this.#channel.bytesSent;
  }

  /** Whether more is wanted of the client, and nothing has come yet. */
  get isReading(): boolean {
    return this.#reading;
  }

  /** Whether the client has not taken all that was sent. */
  get isWriting(): boolean {
    return this.#writing;
  }

  /** Sends what is left and EOF, and closes soon after. Node calls this after a last response. */
  destroySoon(): void {
    this.end();
    this.#lingering ??= setTimeout(() => this.destroy(), LINGER_MS);
  }

  /** Whether nothing is read for now. */
  set isHeld(isHeld: boolean) {
    this.#isHeld = isHeld;
    if (isHeld || !this.#isReadDue) return;
    this.#isReadDue = false;
    this._read();
  }

  override _read(): void {
    if (this.#isHeld) {
      this.#isReadDue = true;
      return;
    }
    this.#reading = true;
    void this.#receive();
  }

  override _write(bytes: Uint8Array, _: string, callback: Callback): void {
    this.#settle(this.#send([bytes]), callback);
  }

  override _writev(
    pieces: { chunk: Uint8Array }[],
    callback: Callback,
  ): void {
    const chunks = pieces.map(({ chunk }) => chunk);
    const size = chunks.reduce((sum, { length }) => sum + length, 0);
    this.#settle(
      this.#send(size <= TOGETHER ? [concat(...chunks)] : chunks),
      callback,
    );
  }

  override _final(callback: Callback): void {
    this.#settle((async () => await this.#sink.end())(), callback);
  }

  override _destroy(error: Error | null, callback: Callback): void {
    clearTimeout(this.#lingering);
    this.#channel.close();
    callback(error);
  }

  // What node:http asks of sockets; time limits are kept by HttpConnection.
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }

  async #receive(): Promise<void> {
    try {
      const bytes = await this.#source.lend();
      this.#reading = false;
      if (bytes) this.onReceived();
      // The bytes are lent, and the parser keeps parts of what it gets.
      this.push(bytes && new Uint8Array(bytes));
    } catch (error) {
      this.#reading = false;
      this.destroy(error as Error);
    }
  }

  async #send(chunks: Uint8Array[]): Promise<void> {
    this.#writing = true;
    for (const chunk of chunks) {
      await this.#sink.write(chunk);
    }
    this.#writing = false;
  }

  #settle(work: Promise<void>, callback: Callback): void {
    work.then(() => callback(), callback);
  }
}
