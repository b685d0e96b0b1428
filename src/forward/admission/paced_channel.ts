import type { CloseReason, SshChannel } from "../../ssh/connection.ts";
import {
  type ByteSink,
  type ByteSource,
  type Direct,
  directSink,
  directSource,
  type Lent,
  takeSink,
  takeSource,
} from "../../streams/direct.ts";
import { readableFrom } from "../../streams/readable_from.ts";
import { StreamSink } from "../../streams/stream_sink.ts";
import { StreamSource } from "../../streams/stream_source.ts";
import { writableTo } from "../../streams/writable_to.ts";
import { type Flow, Pacer } from "./pacer.ts";

/** A channel with limited bandwidth: a limit of its own, and one shared with others. */
export class PacedChannel implements SshChannel, Direct {
  readonly #channel: SshChannel;
  readonly #received: PacedSource;
  readonly #sent: PacedSink;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array> | undefined;
  #sourceTaken = false;
  #sinkTaken = false;

  /**
   * @param shared The pacers that others use too.
   * @param rate Bytes a second that it may move by itself, in each direction.
   */
  constructor(
    channel: SshChannel,
    shared: { toTarget: Pacer; toServer: Pacer },
    rate: number | undefined,
  ) {
    this.#channel = channel;
    this.#received = new PacedSource(
      () => directSource(channel) ?? new StreamSource(channel.readable),
      new Pace(shared.toTarget, rate),
    );
    this.#sent = new PacedSink(
      () => directSink(channel) ?? new StreamSink(channel.writable),
      new Pace(shared.toServer, rate),
    );
  }

  /** Bytes a second that it may move by itself, in each direction; no limit if undefined. */
  set rate(rate: number | undefined) {
    this.#received.pace.rate = this.#sent.pace.rate = rate;
  }

  /** When bytes moved last, by `performance.now()`; when it was opened, if none have. */
  get movedAt(): number {
    return Math.max(this.#received.pace.movedAt, this.#sent.pace.movedAt);
  }

  /** Whether it has bytes that wait for their turn. */
  get isHolding(): boolean {
    return this.#received.isHolding || this.#sent.pace.isWaiting;
  }

  get bytesReceived(): number {
    return this.#received.pace.bytes;
  }

  get bytesSent(): number {
    return this.#sent.pace.bytes;
  }

  get closed(): Promise<CloseReason> {
    return this.#channel.closed;
  }

  close(): void {
    this.#channel.close();
    this.#received.pace.close();
    this.#sent.pace.close();
  }

  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= readableFrom(this.#received);
  }

  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= writableTo(this.#sent);
  }

  [takeSource](): ByteSource | undefined {
    if (this.#readable || this.#sourceTaken) return undefined;
    this.#sourceTaken = true;
    return this.#received;
  }

  [takeSink](): ByteSink | undefined {
    if (this.#writable || this.#sinkTaken) return undefined;
    this.#sinkTaken = true;
    return this.#sent;
  }
}

/** One direction: its own limit, the shared one, and counters. */
class Pace {
  /** Bytes that have moved. */
  bytes = 0;
  movedAt: number = performance.now();
  isWaiting = false;
  isClosed = false;
  readonly #shared: Pacer;
  readonly #own: Pacer;
  // Each pacer has its own account of it.
  readonly #flow: Flow = { served: 0 };
  readonly #ownFlow: Flow = { served: 0 };

  constructor(shared: Pacer, rate: number | undefined) {
    this.#shared = shared;
    this.#own = new Pacer(rate);
  }

  set rate(rate: number | undefined) {
    this.#own.rate = rate;
  }

  /** The most that may move in one turn; infinite without a rule. */
  get most(): number {
    return Math.min(this.#shared.most, this.#own.most);
  }

  /** Waits until so many bytes may move. */
  wait(bytes: number): Promise<void> | void {
    const own = this.#own.wait(this.#ownFlow, bytes);
    const shared = own
      ? own.then(() =>
        this.isClosed ? undefined : this.#shared.wait(this.#flow, bytes)
      )
      : this.#shared.wait(this.#flow, bytes);
    if (!shared) return;
    this.isWaiting = true;
    return shared.then(() => {
      this.isWaiting = false;
    });
  }

  moved(bytes: number): void {
    this.bytes += bytes;
    this.movedAt = performance.now();
  }

  /** Ends pacing; pending waits settle. */
  close(): void {
    this.isClosed = true;
    this.#own.leave(this.#ownFlow);
    this.#shared.leave(this.#flow);
  }
}

/** Lends what its source lends, in parts. */
class PacedSource implements ByteSource {
  readonly pace: Pace;
  readonly #open: () => ByteSource;
  #source: ByteSource | undefined;
  /** What was lent to it and not passed on yet. */
  #rest: Uint8Array = new Uint8Array();

  constructor(open: () => ByteSource, pace: Pace) {
    this.#open = open;
    this.pace = pace;
  }

  get isHolding(): boolean {
    return this.pace.isWaiting;
  }

  lend(): Lent | Promise<Lent> {
    if (this.#rest.length > 0) return this.#next();
    const lent = (this.#source ??= this.#open()).lend();
    return lent instanceof Promise
      ? lent.then((bytes) => this.#take(bytes))
      : this.#take(lent);
  }

  cancel(reason: unknown): void {
    this.#rest = new Uint8Array();
    this.pace.close();
    (this.#source ??= this.#open()).cancel(reason);
  }

  #take(lent: Lent): Lent | Promise<Lent> {
    if (lent === null) return null;
    this.#rest = lent;
    return this.#next();
  }

  #next(): Lent | Promise<Lent> {
    const bytes = this.#rest.subarray(0, this.pace.most);
    this.#rest = this.#rest.subarray(bytes.length);
    const waiting = this.pace.wait(bytes.length);
    return waiting ? waiting.then(() => this.#pass(bytes)) : this.#pass(bytes);
  }

  #pass(bytes: Uint8Array): Lent {
    this.pace.moved(bytes.length);
    return bytes;
  }
}

/** Writes what it is given in parts. */
class PacedSink implements ByteSink {
  readonly pace: Pace;
  readonly #open: () => ByteSink;
  #sink: ByteSink | undefined;

  constructor(open: () => ByteSink, pace: Pace) {
    this.#open = open;
    this.pace = pace;
  }

  get #opened(): ByteSink {
    return this.#sink ??= this.#open();
  }

  write(bytes: Uint8Array): void | Promise<void> {
    if (bytes.length > this.pace.most) return this.#writeInParts(bytes);
    const waiting = this.pace.wait(bytes.length);
    return waiting ? waiting.then(() => this.#pass(bytes)) : this.#pass(bytes);
  }

  end(): void | Promise<void> {
    return this.#opened.end();
  }

  abort(reason: unknown): void {
    this.pace.close();
    this.#opened.abort(reason);
  }

  onFailure(callback: (error: unknown) => void): void {
    this.#opened.onFailure((error) => {
      this.pace.close();
      callback(error);
    });
  }

  async #writeInParts(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + this.pace.most);
      await this.pace.wait(part.length);
      await this.#pass(part);
      at += part.length;
    }
  }

  #pass(bytes: Uint8Array): void | Promise<void> {
    this.pace.moved(bytes.length);
    return this.#opened.write(bytes);
  }
}
