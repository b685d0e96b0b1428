import type { MessageTransport } from "../message_transport.ts";
import { SharedTimeout } from "../../shared_timeout.ts";
import { writeIgnore } from "../messages/transport_messages.ts";

const nothing = writeIgnore(new Uint8Array());

/** How long received messages may stay unanswered, in milliseconds, ... */
const DELAY_MS = 1;
/** ... and at most, where answers have always come in time: a timer costs more than a message. */
const LONGEST_DELAY_MS = 8;
/** The delay doubles after this many answers in time. */
const ENOUGH_ANSWERS = 8;
/** How long the server may take to close a channel, in milliseconds. */
const CLOSE_DELAY_MS = 250;
/** The first data of channels is acknowledged at once, but not more often than this, in milliseconds: with many at once, one's answer acknowledges the other's data. */
const PROMPT_GAP_MS = 0.3;

/** A channel that something was read from. */
export interface ReadChannel {
  /** Gives back what window there is; false if nothing can be sent on it now. */
  adjustWindow(): boolean;
}

/**
 * Acknowledges what a connection receives soon, although our kernel
 * delays acknowledgements by 40 ms.
 *
 * sshd leaves Nagle's algorithm on until it runs a command or a shell for the
 * connection: what follows a small packet, such as an EOF, waits for the
 * acknowledgement of that. It travels with whatever we send; so where nothing
 * else is sent soon after something was read, a little window is given back,
 * which the server does not need. One timer serves all channels.
 *
 * What a new channel brings first is acknowledged at once: many protocols begin
 * with two small pieces and wait for an answer to both.
 */
export class Acknowledger {
  /** Whether the server may hold back a small packet until its previous one is acknowledged. */
  serverWaits = true;
  /** How long a server that waits may take to close a channel that both sides have ended. */
  readonly closing: SharedTimeout = new SharedTimeout(CLOSE_DELAY_MS);

  readonly #transport: Pick<MessageTransport, "bytesSent" | "send">;
  /** Channels that were read from since the timer was started. */
  readonly #channels = new Set<ReadChannel>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What was written when the timer was started, ... */
  #sentAtStart = 0;
  /** ... and when something was read for the last time. */
  #sentAtRead = 0;
  #isMessage = false;
  #delayMs = DELAY_MS;
  /** Answers in time since the delay was changed. */
  #answers = 0;
  #lastPrompt = -Infinity;
  #stopped = false;

  /** @param transport The connection. */
  constructor(transport: Pick<MessageTransport, "bytesSent" | "send">) {
    this.#transport = transport;
  }

  /** A channel's first data was read. */
  onFirstRead(channel: ReadChannel): void {
    if (this.#stopped) return;
    const now = performance.now();
    const isPrompt = now - this.#lastPrompt > PROMPT_GAP_MS;
    if (isPrompt) this.#lastPrompt = now;
    if (!isPrompt || !channel.adjustWindow()) this.onRead(channel);
  }

  /** Something was read from a channel, and no answer is sent yet. */
  onRead(channel: ReadChannel): void {
    if (this.#stopped) return;
    this.#channels.add(channel);
    this.#sentAtRead = this.#transport.bytesSent;
    if (this.#timer === undefined) this.#start(this.#delayMs);
  }

  /** A message other than data came, and it is not answered yet. */
  onMessage(): void {
    if (this.#stopped) return;
    this.#isMessage = true;
    this.#sentAtRead = this.#transport.bytesSent;
    if (this.#timer === undefined) this.#start(this.#delayMs);
  }

  /** The server has run a command, and no longer waits. */
  onCommandRun(): void {
    this.serverWaits = false;
    this.stop();
  }

  /** Stops acknowledging for good. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#channels.clear();
  }

  #start(delayMs: number): void {
    this.#sentAtStart = this.#transport.bytesSent;
    this.#timer = setTimeout(this.#onTime, delayMs);
  }

  readonly #onTime = (): void => {
    this.#timer = undefined;
    const { bytesSent } = this.#transport;
    if (bytesSent === this.#sentAtStart) {
      this.#sendSomething();
      this.#setDelay(DELAY_MS);
    } else if (bytesSent === this.#sentAtRead) {
      return this.#start(DELAY_MS); // what was read last is not old enough
    } else if (++this.#answers === ENOUGH_ANSWERS) {
      this.#setDelay(Math.min(2 * this.#delayMs, LONGEST_DELAY_MS));
    }
    this.#channels.clear();
    this.#isMessage = false;
  };

  #sendSomething(): void {
    for (const channel of this.#channels) if (channel.adjustWindow()) return;
    if (this.#isMessage) this.#transport.send(nothing);
  }

  #setDelay(delayMs: number): void {
    this.#delayMs = delayMs;
    this.#answers = 0;
  }
}
