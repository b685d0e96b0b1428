import { ProtocolError } from "../../errors.ts";
import type { RekeyLimit } from "../message_transport.ts";
import { HeldMessages } from "../native/held_messages.ts";

/** Bytes both ways with the same keys, unless the options say otherwise (RFC 4253 section 9). */
const REKEY_BYTES = 1024 ** 3;
/** How long the other side may take for an exchange, unless the options say otherwise, in milliseconds. */
const EXCHANGE_TIMEOUT_MS = 120_000;

/** Bytes of messages that may wait for a key exchange. */
const MAX_HELD = 1024 * 1024;

/** When keys are exchanged, and for how long. */
export interface ExchangeLimits {
  readonly rekey?: RekeyLimit | undefined;
  readonly exchangeTimeoutMs?: number | undefined;
}

/**
 * Closed while keys are exchanged, as it is at first: messages then wait here.
 * Decides when keys have to be replaced.
 */
export class ExchangeGate {
  readonly #limits: ExchangeLimits;
  readonly #onDue: () => void;
  readonly #onError: (error: ProtocolError) => void;
  readonly #held = new HeldMessages(MAX_HELD);
  #opened: PromiseWithResolvers<void> | undefined = Promise.withResolvers();
  /** Ends an exchange that takes too long, or begins the next one. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Bytes both ways when keys were exchanged last. */
  #bytesBefore = 0;

  /**
   * @param onDue Called when keys reach their age.
   * @param onError Called when an exchange takes too long.
   */
  constructor(
    limits: ExchangeLimits,
    onDue: () => void,
    onError: (error: ProtocolError) => void,
  ) {
    this.#limits = limits;
    this.#onDue = onDue;
    this.#onError = onError;
  }

  get isClosed(): boolean {
    return this.#opened !== undefined;
  }

  /** Settles when it is open, or stopped. */
  get opened(): Promise<void> | undefined {
    return this.#opened?.promise;
  }

  /** Keeps a copy of a message until it opens. */
  hold(head: Uint8Array, body: Uint8Array): void {
    if (this.#held.add(head, body)) return;
    this.#onError(new ProtocolError("the key exchange takes too long"));
  }

  /** An exchange begins. Idempotent. */
  close(): void {
    if (this.#opened) return;
    this.#opened = Promise.withResolvers();
    const { exchangeTimeoutMs: ms = EXCHANGE_TIMEOUT_MS } = this.#limits;
    this.#startTimer(ms, () => {
      this.#onError(
        new ProtocolError(`the key exchange took more than ${ms} ms`),
      );
    });
  }

  /**
   * New keys are in place.
   *
   * @param bytes Bytes both ways so far.
   * @returns what was held.
   */
  open(bytes: number): Uint8Array[] {
    this.#bytesBefore = bytes;
    this.#startTimer(this.#limits.rekey?.ms, this.#onDue);
    this.#opened?.resolve();
    this.#opened = undefined;
    return this.#held.takeAll();
  }

  /** Whether keys have been used enough, after so many bytes both ways. */
  isDue(bytes: number): boolean {
    const limit = this.#limits.rekey?.bytes ?? REKEY_BYTES;
    return !this.isClosed && bytes - this.#bytesBefore >= limit;
  }

  /** The connection has ended. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#held.takeAll();
    this.#opened?.resolve();
  }

  #startTimer(ms: number | undefined, work: () => void): void {
    clearTimeout(this.#timer);
    if (ms !== undefined) this.#timer = setTimeout(work, ms);
  }
}
