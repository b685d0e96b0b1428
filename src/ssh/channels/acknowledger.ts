import type { MessageTransport } from "../message_transport.ts";
import { writeIgnore } from "../messages/transport_messages.ts";

const nothing = writeIgnore(new Uint8Array());

/** How long what came in may stay without an answer, in milliseconds. */
const DELAY_MS = 1;

/** A channel that something was read from. */
export interface ReadChannel {
  /** Gives back what window there is; false if nothing can be sent on it now. */
  adjustWindow(): boolean;
}

/**
 * Has what comes in on a connection acknowledged soon, although our kernel
 * delays acknowledgements by 40 ms.
 *
 * sshd leaves Nagle's algorithm on until it runs a command or a shell for the
 * connection: what follows a small packet, such as an EOF, waits for the
 * acknowledgement of that. It travels with whatever we send; so where nothing
 * else is sent soon after something was read, a little window is given back,
 * which the server does not need. One timer serves all channels.
 */
export class Acknowledger {
  readonly #transport: Pick<MessageTransport, "bytesWritten" | "send">;
  /** Channels that were read from since the timer was started. */
  readonly #channels = new Set<ReadChannel>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What was written when the timer was started, ... */
  #writtenAtStart = 0;
  /** ... and when something was read for the last time. */
  #writtenAtRead = 0;
  #isMessage = false;
  #stopped = false;

  /** @param transport The connection. */
  constructor(transport: Pick<MessageTransport, "bytesWritten" | "send">) {
    this.#transport = transport;
  }

  /** Something was read from a channel, and no answer is sent yet. */
  onRead(channel: ReadChannel): void {
    if (this.#stopped) return;
    this.#channels.add(channel);
    this.#writtenAtRead = this.#transport.bytesWritten;
    if (this.#timer === undefined) this.#start();
  }

  /** A message other than data came, and it is not answered yet. */
  onMessage(): void {
    if (this.#stopped) return;
    this.#isMessage = true;
    this.#writtenAtRead = this.#transport.bytesWritten;
    if (this.#timer === undefined) this.#start();
  }

  /** Does nothing from now on. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#channels.clear();
  }

  #start(): void {
    this.#writtenAtStart = this.#transport.bytesWritten;
    this.#timer = setTimeout(this.#onTime, DELAY_MS);
  }

  readonly #onTime = (): void => {
    this.#timer = undefined;
    const { bytesWritten } = this.#transport;
    if (bytesWritten === this.#writtenAtStart) {
      this.#sendSomething();
    } else if (bytesWritten === this.#writtenAtRead) {
      return this.#start(); // what was read last is not old enough
    }
    this.#channels.clear();
    this.#isMessage = false;
  };

  #sendSomething(): void {
    for (const channel of this.#channels) if (channel.adjustWindow()) return;
    if (this.#isMessage) this.#transport.send(nothing);
  }
}
