/** Limit by default: these are replies and window adjustments, as writers of data wait. */
const MAX_BYTES = 4 * 1024 * 1024;
/** Memory of a message besides its bytes. */
const OVERHEAD = 128;

/** A bounded queue of messages that wait for new keys. */
export class HeldMessages {
  readonly #maxBytes: number;
  #messages: Uint8Array[] = [];
  #bytes = 0;

  /** @param maxBytes Limit for the messages held, in bytes. */
  constructor(maxBytes: number = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Adds a copy; false if the limit is exceeded. */
  add(head: Uint8Array, body?: Uint8Array): boolean {
    const message = new Uint8Array(head.length + (body?.length ?? 0));
    this.#bytes += message.length + OVERHEAD;
    if (this.#bytes > this.#maxBytes) return false;
    message.set(head);
    if (body) message.set(body, head.length);
    this.#messages.push(message);
    return true;
  }

  /** Empties the queue. */
  takeAll(): Uint8Array[] {
    const messages = this.#messages;
    this.#messages = [];
    this.#bytes = 0;
    return messages;
  }
}
