import type { MessageTransport } from "../message_transport.ts";
import { SharedTimeout } from "../../shared_timeout.ts";
import { MessageNumber } from "../messages/message_number.ts";
import { writeIgnore } from "../messages/transport_messages.ts";
import { Prediction } from "./prediction.ts";

const nothing = writeIgnore(new Uint8Array());

/** How long received messages may stay unanswered, in milliseconds, ... */
const DELAY_MS = 1;
/** ... and at most, where answers have always come in time: a timer costs more than a message. */
const LONGEST_DELAY_MS = 8;
/** The delay doubles after so many times that no acknowledgement was needed. */
const ENOUGH_TIMES = 8;
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
 * Two things are acknowledged at once. What a new channel brings first: many
 * protocols begin with two small pieces and wait for an answer to both. And the
 * end of one channel while another is new: a client that connects for each
 * request has its next one held back.
 *
 * An acknowledgement was of use if something arrived before we sent anything
 * else. Those of a kind that is of no use become rare.
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
  #sentAtMessage = 0;
  #isMessage = false;
  #delayMs = DELAY_MS;
  /** How often no acknowledgement was needed since the delay was changed. */
  #unneeded = 0;
  #lastPrompt = -Infinity;
  readonly #firstRead = new Prediction();
  readonly #eofBesideNew = new Prediction();
  /** Whether a channel was confirmed that has not brought anything yet. */
  #hasNew = false;
  /** Receives whether the last acknowledgement was of use, ... */
  #learn: ((wasOfUse: boolean) => void) | undefined;
  /** ... which it was not if more than this was sent since. */
  #sentAtAcknowledgement = 0;
  #stopped = false;

  /** @param transport The connection. */
  constructor(transport: Pick<MessageTransport, "bytesSent" | "send">) {
    this.#transport = transport;
  }

  /** The server may send on a new channel from now on. */
  onConfirmed(): void {
    this.#hasNew = true;
  }

  /** A channel's first data was read. */
  onFirstRead(channel: ReadChannel): void {
    if (this.#stopped) return;
    this.#hasNew = false;
    const now = performance.now();
    const isPrompt = now - this.#lastPrompt > PROMPT_GAP_MS &&
      this.#firstRead.decide();
    if (isPrompt) this.#lastPrompt = now;
    if (isPrompt && channel.adjustWindow()) this.#watch(this.#firstRead.learn);
    else this.onRead(channel);
  }

  /** Something was read from a channel, and no answer is sent yet. */
  onRead(channel: ReadChannel): void {
    if (this.#stopped) return;
    this.#channels.add(channel);
    this.#sentAtRead = this.#transport.bytesSent;
    if (this.#timer === undefined) this.#start();
  }

  /** A message came. */
  onMessage(): void {
    if (this.#stopped) return;
    const { bytesSent } = this.#transport;
    this.#sentAtMessage = bytesSent;
    this.#learn?.(bytesSent === this.#sentAtAcknowledgement);
    this.#learn = undefined;
  }

  /** The message was handled. Data is reported again when it is read. */
  onHandled(number: number | undefined): void {
    const { bytesSent } = this.#transport;
    const isAnswered = bytesSent !== this.#sentAtMessage;
    const isData = number === MessageNumber.CHANNEL_DATA;
    if (this.#stopped || isAnswered || isData) return;
    if (number === MessageNumber.CHANNEL_EOF && this.#hasNew) {
      this.#hasNew = false;
      if (this.#eofBesideNew.decide()) {
        this.#transport.send(nothing);
        return this.#watch(this.#eofBesideNew.learn);
      }
    }
    this.#isMessage = true;
    this.#sentAtRead = bytesSent;
    if (this.#timer === undefined) this.#start();
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

  #start(): void {
    this.#sentAtStart = this.#transport.bytesSent;
    this.#timer = setTimeout(this.#onTime, this.#delayMs);
  }

  readonly #onTime = (): void => {
    this.#timer = undefined;
    const { bytesSent } = this.#transport;
    if (bytesSent === this.#sentAtStart) {
      this.#sendSomething();
      this.#watch(this.#learnLate);
    } else if (bytesSent === this.#sentAtRead) {
      return this.#start(); // what was read last is not old enough
    } else {
      this.#learnLate(false);
    }
    this.#channels.clear();
    this.#isMessage = false;
  };

  #sendSomething(): void {
    for (const channel of this.#channels) if (channel.adjustWindow()) return;
    if (this.#isMessage) this.#transport.send(nothing);
  }

  /** Has the next message tell whether what was just sent was of use. */
  #watch(learn: (wasOfUse: boolean) => void): void {
    this.#learn = learn;
    this.#sentAtAcknowledgement = this.#transport.bytesSent;
  }

  readonly #learnLate = (wasOfUse: boolean): void => {
    if (wasOfUse) {
      this.#delayMs = DELAY_MS;
      this.#unneeded = 0;
    } else if (++this.#unneeded === ENOUGH_TIMES) {
      this.#delayMs = Math.min(2 * this.#delayMs, LONGEST_DELAY_MS);
      this.#unneeded = 0;
    }
  };
}
