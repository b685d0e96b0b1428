import type { Writable } from "node:stream";
import { orAborted } from "../abort.ts";
import { Turns } from "../turns.ts";
import { ChannelError } from "../errors.ts";
import type { Ssh2Socket } from "./ssh2_socket.ts";
import { forgetWrite, type ServerChannel } from "./ssh2_server.ts";

/** What a channel needs of the connection that it is on. */
export interface ChannelHolder {
  readonly socket: Ssh2Socket;
  /** Aborts when the connection ends. */
  readonly signal: AbortSignal;
}

/**
 * A channel of ssh2's server, without its traps.
 *
 * It is never ended as a Node stream, because ssh2's server would close the
 * channel with both its directions then: EOF ends one (RFC 4254 section 5.3).
 */
export class ServedChannel {
  /**
   * What the client sends, until its EOF. Its window is given back as this is
   * read; cancelling throws away the rest.
   */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Aborts when nothing can be written: the channel or the connection is closed. */
  readonly signal: AbortSignal;
  /** Aborts when nothing can be read either: it was closed here, or the connection is. */
  readonly cut: AbortSignal;

  readonly #channel: ServerChannel;
  readonly #socket: Ssh2Socket;
  readonly #closedHere = new AbortController();
  readonly #closedByClient = new AbortController();
  readonly #writes = new Turns();

  constructor(channel: ServerChannel, carrier: ChannelHolder) {
    this.#channel = channel;
    this.#socket = carrier.socket;
    this.cut = AbortSignal.any([this.#closedHere.signal, carrier.signal]);
    this.signal = AbortSignal.any([this.cut, this.#closedByClient.signal]);
    channel.on("close", () => this.onClose());
    this.readable = readableOf(channel, this.cut);
  }

  /** Writes all of `chunk`; waits for the SSH window and the socket. */
  write(chunk: Uint8Array): Promise<void> {
    return this.#inTurn(this.#channel, chunk);
  }

  /** The same for standard error, which shares the window. */
  writeError(chunk: Uint8Array): Promise<void> {
    return this.#inTurn(this.#channel.stderr, chunk);
  }

  /** Sends EOF: nothing more will be written. */
  eof(): void {
    this.#channel.eof();
  }

  /** Sends how the command ended; must precede EOF. */
  exit(status: number | string): void {
    if (typeof status === "number") this.#channel.exit(status);
    else this.#channel.exit(status, false, "");
  }

  /** Closes both directions. */
  close(): void {
    this.#channel.close();
    this.#closedHere.abort(closed());
  }

  /** The client has closed the channel; what it sent before can still be read. */
  onClose(): void {
    this.#closedByClient.abort(closed());
  }

  #inTurn(out: Writable, chunk: Uint8Array): Promise<void> {
    return this.#writes.take(() => this.#write(out, chunk));
  }

  async #write(out: Writable, chunk: Uint8Array): Promise<void> {
    const { signal } = this;
    signal.throwIfAborted();
    const written = new Promise<void>((resolve, reject) =>
      out.write(chunk, (error) => error ? reject(error) : resolve())
    );
    // ssh2 forgets the callbacks of a channel that closes.
    await orAborted(written, signal);
    forgetWrite(this.#channel);
    await this.#socket.drained();
  }
}

function closed(): ChannelError {
  return new ChannelError("channel-closed", "the channel is closed");
}

function readableOf(
  channel: ServerChannel,
  cut: AbortSignal,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let detach = () => {};
  return new ReadableStream({
    start(controller) {
      const onData = (chunk: Uint8Array<ArrayBuffer>) => {
        channel.pause();
        // Not Node's Buffer, which no reader here expects.
        controller.enqueue(
          new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength),
        );
      };
      const onEnd = () => {
        detach();
        controller.close();
      };
      const onCut = () => {
        detach();
        controller.error(cut.reason);
      };
      detach = () => {
        channel.off("data", onData).off("end", onEnd).resume();
        cut.removeEventListener("abort", onCut);
      };
      channel.on("data", onData).on("end", onEnd).pause();
      cut.addEventListener("abort", onCut);
      if (cut.aborted) onCut();
    },
    pull: () => void channel.resume(),
    cancel: () => detach(),
  }, { highWaterMark: 0 });
}
