import { ChannelError, type RForwardError } from "../../errors.ts";
import {
  type ByteSink,
  type ByteSource,
  type Direct,
  takeSink,
  takeSource,
} from "../../streams/direct.ts";
import type { CloseReason, SshChannel } from "../connection.ts";
import type { MessageTransport } from "../message_transport.ts";
import {
  type ChannelRequest,
  writeChannelDataHead,
  writeChannelMessage,
  writeChannelRequest,
  writeWindowAdjust,
} from "../messages/connection_messages.ts";
import { MessageNumber } from "../messages/message_number.ts";
import type { Acknowledger } from "./acknowledger.ts";
import type { Chunk } from "../../streams/gathered_bytes.ts";
import { ReceiveQueue } from "./receive_queue.ts";
import type { ReceiveWindow } from "./receive_window.ts";
import { SendWindow, type SharedSending } from "./send_window.ts";

/** Bytes of data that we take in one packet. */
export const PACKET = 32 * 1024;

/** What a channel needs of the connection that it is on. */
export interface ChannelCarrier {
  readonly transport: MessageTransport;
  /** Acknowledges soon for a server that waits for it; undefined where that is not needed. */
  readonly acknowledger?: Acknowledger | undefined;
  /** Whether channels send at the same time. */
  readonly sharedSending?: SharedSending | undefined;
  /** Called once when the channel is closed on both sides. */
  release(channel: Channel): void;
}

/** The numbers of both sides, and how much the other side takes. */
export interface ChannelIds {
  local: number;
  remote: number;
  /** Our initial window, in bytes. */
  window: number;
  /** What the other side may send; the channel closes it. */
  receiveWindow: ReceiveWindow;
  /** What the other side takes in one packet, in bytes. */
  packetSize: number;
}

/**
 * One channel (RFC 4254 section 5): Web Streams for those who ask for them, a
 * source and a sink for a relay. The `on…` methods take what the server sends;
 * everything else implements the seam.
 */
export class Channel implements SshChannel, Direct {
  readonly closed: Promise<CloseReason>;
  bytesSent = 0;

  /** The number that the other side calls it by. */
  readonly localId: number;

  // Private at runtime too: printing a channel must not show session keys.
  readonly #carrier: ChannelCarrier;
  readonly #transport: MessageTransport;
  readonly #remoteId: number;
  readonly #received: ReceiveQueue;
  readonly #receiveWindow: ReceiveWindow;
  readonly #closed = Promise.withResolvers<CloseReason>();
  readonly #maxPacket: number;
  #writable: WritableStream<Uint8Array> | undefined;
  #controller: WritableStreamDefaultController | undefined;
  /** Reports a failure to a writer that does not use the stream. */
  #onFailure: ((error: Error) => void) | undefined;
  #isSinkTaken = false;
  readonly #sendWindow: SendWindow;
  #sentEof = false;
  #sentClose = false;
  #gotEof = false;
  #released = false;
  /** Stops waiting for the server to close first. */
  #stopClosing: (() => void) | undefined;
  /** Creates the error of later writes, once nothing more can be sent. Lazy, since errors are slow to create and rarely read. */
  #explain: (() => Error) | undefined;
  #failure: Error | undefined;
  /** Wakes the write that waits for window or the transport. */
  #woken: PromiseWithResolvers<void> | undefined;

  constructor(carrier: ChannelCarrier, ids: ChannelIds) {
    this.#carrier = carrier;
    this.#transport = carrier.transport;
    this.localId = ids.local;
    this.#remoteId = ids.remote;
    this.#sendWindow = new SendWindow(
      ids.window,
      () => this.#wakeWriter(),
      carrier.sharedSending,
    );
    this.#receiveWindow = ids.receiveWindow;
    this.#maxPacket = Math.min(Math.max(ids.packetSize, 1), PACKET);
    this.closed = this.#closed.promise;
    this.#received = new ReceiveQueue(
      (bytes) => this.returnWindow(bytes),
      () => this.onReadableCancelled(),
    );
  }

  get readable(): ReadableStream<Chunk> {
    return this.#received.readable;
  }

  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= this.#openWritable();
  }

  [takeSource](): ByteSource | undefined {
    return this.#received.takeSource();
  }

  [takeSink](): ByteSink | undefined {
    if (this.#writable || this.#isSinkTaken) return undefined;
    this.#isSinkTaken = true;
    return {
      write: (bytes) => this.#write(bytes),
      end: () => this.#sendEof(),
      abort: () => this.#abort(),
      onFailure: (callback) => this.#onFailure = callback,
    };
  }

  get bytesReceived(): number {
    return this.#received.bytesReceived;
  }

  /** Answers a request. */
  protected reply(success: boolean): void {
    if (this.#sentClose) return;
    const { CHANNEL_SUCCESS, CHANNEL_FAILURE } = MessageNumber;
    this.#sendMessage(success ? CHANNEL_SUCCESS : CHANNEL_FAILURE);
  }

  protected sendRequest(request: ChannelRequest): void {
    this.#transport.send(writeChannelRequest(this.#remoteId, request));
  }

  /** Why the channel accepts no further messages, once it does not. */
  protected get failure(): Error | undefined {
    return this.#failure ??= this.#explain?.();
  }

  /** @param error The error of pending and later reads and writes. */
  close(error: Error = closedHere()): void {
    if (!this.#sendClose()) return this.#received.release();
    this.onClosedHere(error);
    this.#stopWriting(() => error);
  }

  /** CHANNEL_DATA */
  onData(data: Uint8Array): void {
    if (this.accepts(data.length)) this.#received.push(data);
  }

  /** CHANNEL_EXTENDED_DATA: it has no reader here, so its window is returned at once. */
  onExtendedData(data: Uint8Array): void {
    if (this.accepts(data.length)) this.returnWindow(data.length);
  }

  /** CHANNEL_EOF */
  onEof(): void {
    if (this.#gotEof) return;
    this.#gotEof = true;
    this.endReceiving();
    this.#closeIfDone();
  }

  /** CHANNEL_CLOSE */
  onClose(): void {
    if (this.#released) return;
    this.#sendClose();
    this.#release({ reason: "closed" });
    this.endReceiving();
    this.#stopWriting(closedByServer);
  }

  /** CHANNEL_WINDOW_ADJUST */
  onWindowAdjust(bytes: number): void {
    this.#sendWindow.adjust(bytes);
  }

  /** CHANNEL_REQUEST: none is for a forwarded connection. */
  onRequest({ wantReply }: ChannelRequest): void {
    if (wantReply) this.reply(false);
  }

  /** CHANNEL_SUCCESS or CHANNEL_FAILURE: nothing was asked. */
  onReply(_success: boolean): void {}

  /** Called when the connection ends; pending reads and writes fail with the error. */
  onConnectionEnd(reason: CloseReason, error: RForwardError): void {
    this.#release(reason);
    this.endReceiving(error);
    this.#stopWriting(() => error);
  }

  /** Ends what is read; by an error if data is missing. */
  protected endReceiving(error?: Error): void {
    this.#received.end(error);
  }

  /** Drops what was received and not read yet. */
  protected onClosedHere(error: Error): void {
    this.#received.abort(error);
  }

  /** The reader cancelled. */
  protected onReadableCancelled(): void {
    this.close();
  }

  /** Whether both sides having sent EOF is the end. */
  protected get closesAfterEof(): boolean {
    return true;
  }

  /** Returns window to the peer for bytes that were read. */
  protected returnWindow(bytes: number): void {
    const isFirst = this.#received.bytesReceived === bytes;
    if (this.#receiveWindow.onRead(bytes)) return void this.adjustWindow();
    if (this.#gotEof || this.#released) return;
    if (isFirst) this.#carrier.acknowledger?.onFirstRead(this);
    else this.#carrier.acknowledger?.onRead(this);
  }

  /** Gives back what window there is; false if nothing can be sent. */
  adjustWindow(): boolean {
    if (this.#gotEof || this.#sentClose || this.#released) return false;
    const bytes = this.#receiveWindow.takeUnreturned();
    if (bytes <= 0) return false;
    this.#transport.send(writeWindowAdjust(this.#remoteId, bytes));
    return true;
  }

  /** Takes `bytes` off the window; false if they are to be dropped. */
  protected accepts(bytes: number): boolean {
    if (this.#sentClose || this.#gotEof || this.#released) return false;
    const excess = this.#receiveWindow.take(bytes);
    if (excess === 0) return true;
    const error = new ChannelError(
      "channel-closed",
      `the server sent ${excess} bytes more than the window of the channel allows`,
    );
    this.close(error);
    return false;
  }

  #openWritable(): WritableStream<Uint8Array> {
    const writable = new WritableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
        // The stream calls abort() only after the write under way: end that.
        controller.signal.addEventListener("abort", () => this.#abort());
        if (this.#explain) controller.error(this.failure);
      },
      write: (chunk) => {
        if (chunk instanceof Uint8Array) return this.#write(chunk);
        throw new TypeError("a channel takes Uint8Array chunks only");
      },
      close: () => this.#sendEof(),
    });
    if (this.#isSinkTaken) writable.getWriter().closed.catch(() => {});
    return writable;
  }

  #write(chunk: Uint8Array): Promise<void> | void {
    // The server may have given our number for it to another channel.
    if (this.#sentEof) throw endedHere();
    const sent = this.#sendWhatFits(chunk);
    if (sent < chunk.length || this.#transport.congested) {
      return this.#sendRest(chunk.subarray(sent));
    }
  }

  /** Sends what window and transport take now, up to `most` bytes; returns how much that was. */
  #sendWhatFits(data: Uint8Array, most = data.length): number {
    const transport = this.#transport;
    let sent = 0;
    while (sent < most && sent < data.length) {
      const { room } = this.#sendWindow;
      if (room === 0 || transport.congested || this.#explain) break;
      const size = Math.min(data.length - sent, room, this.#maxPacket);
      this.#sendWindow.take(size);
      transport.send(
        writeChannelDataHead(this.#remoteId, size),
        data.subarray(sent, sent + size),
      );
      sent += size;
    }
    this.bytesSent += sent;
    return sent;
  }

  async #sendRest(data: Uint8Array): Promise<void> {
    const transport = this.#transport;
    while (data.length > 0 || transport.congested) {
      if (this.#explain) {
        if (data.length === 0) return;
        throw this.failure;
      }
      const isShut = data.length > 0 && this.#sendWindow.room === 0;
      if (isShut) this.#sendWindow.wait();
      if (isShut || transport.congested) {
        this.#woken = Promise.withResolvers();
        if (transport.congested) {
          transport.drained().then(() => this.#wakeWriter());
        }
        await this.#woken.promise;
      } else {
        // Let every other writer that was woken send a packet first.
        await undefined;
      }
      data = data.subarray(this.#sendWhatFits(data, this.#maxPacket));
    }
  }

  #sendEof(): void {
    if (this.#explain || this.#sentEof) return;
    this.#sentEof = true;
    this.#sendMessage(MessageNumber.CHANNEL_EOF);
    this.#closeIfDone();
  }

  /**
   * Both sides have ended. Where the server waits for acknowledgements it goes
   * first: our CLOSE, as the answer to its own, acknowledges that at once, and
   * its next message does not have to wait 40 ms (see Acknowledger).
   */
  #closeIfDone(): void {
    if (!this.closesAfterEof || !this.#sentEof || !this.#gotEof) return;
    if (this.#sentClose || this.#released) return;
    const { acknowledger } = this.#carrier;
    if (!acknowledger?.serverWaits) return void this.#sendClose();
    const wait = acknowledger.closing.start(() => this.#sendClose());
    this.#stopClosing = () => acknowledger.closing.stop(wait);
  }

  /** Returns whether it was sent: not a second time, nor once the channel is released. */
  #sendClose(): boolean {
    if (this.#sentClose || this.#released) return false;
    this.#sentClose = true;
    this.#sendMessage(MessageNumber.CHANNEL_CLOSE);
    return true;
  }

  #sendMessage(number: Parameters<typeof writeChannelMessage>[0]): void {
    this.#transport.send(writeChannelMessage(number, this.#remoteId));
  }

  /** The writable was aborted, and errors on its own. */
  #abort(): void {
    this.#explain ??= closedHere;
    if (this.#sendClose()) this.onClosedHere(this.failure!);
    this.#wakeWriter();
  }

  #stopWriting(explain: () => Error): void {
    this.#explain ??= explain;
    this.#wakeWriter();
    if (this.#sentEof) return;
    this.#controller?.error(this.failure);
    this.#onFailure?.(this.failure!);
  }

  #wakeWriter(): void {
    this.#woken?.resolve();
    this.#woken = undefined;
  }

  #release(reason: CloseReason): void {
    if (this.#released) return;
    this.#released = true;
    this.#stopClosing?.();
    this.#sendWindow.close();
    this.#closed.resolve(reason);
    // Otherwise the memory for a slow target would be unbounded.
    this.#received.onceTaken(() => {
      this.#receiveWindow.close();
      this.#carrier.release(this);
    });
  }
}

function closedByServer(): ChannelError {
  return new ChannelError("channel-closed", "the server closed the channel");
}

function endedHere(): ChannelError {
  return new ChannelError(
    "channel-closed",
    "nothing can be written to the channel after EOF",
  );
}

function closedHere(): ChannelError {
  return new ChannelError("channel-closed", "the channel was closed here");
}
