/**
 * A byte stream as the socket that npm:ssh2's server wants.
 *
 * ssh2 asks for a node:net Socket and uses little of it. Standing in for it
 * keeps the connection a `Deno.Conn` (so that it takes a signal, TCP_NODELAY
 * and counts as a resource), writes each SSH packet in one piece (ssh2 hands
 * over three for chacha20), and tells writers when to wait, which ssh2 does
 * not ask a socket.
 *
 * @module
 */

import { EventEmitter } from "node:events";
import { ByteSocket } from "../ssh/ssh2/byte_socket.ts";
import type { ByteStream } from "../streams/byte_stream.ts";
import { Greeting } from "../ssh/ssh2/greeting.ts";

const encoder = new TextEncoder();

/** The socket; its events are those of node:net that ssh2 listens to. */
export class Ssh2Socket extends EventEmitter {
  /** Read by ssh2 when its own keepalive fails. */
  readable = true;
  /** Read by ssh2 as the true state of {@linkcode writable}. */
  readonly _readableState: { ended: boolean } = { ended: false };
  readonly #socket: ByteSocket;
  /** What came in first, to name what answered if it was not SSH. */
  readonly greeting: Greeting = new Greeting();

  /** @param stream What carries the connection; this owns and closes it. */
  constructor(stream: ByteStream) {
    super();
    this.#socket = new ByteSocket(stream);
    this.#socket.ended.then(({ error }) => {
      this.#onEnd();
      if (error) this.emit("error", error);
      this.emit("close");
    });
  }

  /** Read by ssh2 before each write. */
  get writable(): boolean {
    return this.#socket.writable;
  }

  /** Whether writers should wait for {@linkcode drained}. */
  get congested(): boolean {
    return this.#socket.congested;
  }

  /** Bytes that came in so far: any of them is a sign of life. */
  get bytesReceived(): number {
    return this.#socket.bytesReceived;
  }

  /** Bytes that were queued to go out so far. */
  get bytesSent(): number {
    return this.#socket.bytesSent;
  }

  /** Settles once the stream is closed and nothing is running. */
  get closed(): Promise<void> {
    return this.#socket.closed;
  }

  /** Settles when there is room again, or nothing more will be written. */
  drained(): Promise<void> {
    return this.#socket.drained();
  }

  /** Part of what ssh2 calls; reading starts with {@linkcode resume} and does not pause for it: the windows bound it. */
  pause(): this {
    return this;
  }

  /** Starts reading. */
  resume(): this {
    this.#socket.start({
      onData: (bytes) => {
        const seen = this.greeting.take(bytes);
        if (seen) this.emit("data", seen);
      },
      onEnd: () => {
        this.#onEnd();
        this.emit("end");
      },
    });
    return this;
  }

  /** Queues a copy of bytes; they go out together at the end of the current task. */
  write(data: Uint8Array | string): boolean {
    if (!this.writable) return false;
    this.#socket.write(typeof data === "string" ? encoder.encode(data) : data);
    return !this.congested;
  }

  /** Ends the writing side once all is written, then closes as soon as the other side ends too. */
  end(): this {
    this.#socket.end();
    return this;
  }

  /** Closes at once; what is queued is dropped. */
  destroy(error?: Error): this {
    this.#socket.destroy(error);
    return this;
  }

  #onEnd(): void {
    this._readableState.ended = true;
    this.readable = false;
  }
}
