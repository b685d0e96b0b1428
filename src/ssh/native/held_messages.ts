/** Bytes of messages that may be held: answers and window adjustments, for which writers cannot wait. */
const MAX_BYTES = 4 * 1024 * 1024;
/** What a message takes beside its bytes. */
const OVERHEAD = 128;

/** Messages that wait for new keys, in order, not without bound. */
export class HeldMessages {
  #messages: Uint8Array[] = [];
  #bytes = 0;

  /** Holds a copy; false if it is too much. */
  add(head: Uint8Array, body?: Uint8Array): boolean {
    const message = new Uint8Array(head.length + (body?.length ?? 0));
    this.#bytes += message.length + OVERHEAD;
    if (this.#bytes > MAX_BYTES) return false;
    message.set(head);
    if (body) message.set(body, head.length);
    this.#messages.push(message);
    return true;
  }

  /** Takes all that are held. */
  takeAll(): Uint8Array[] {
    const messages = this.#messages;
    this.#messages = [];
    this.#bytes = 0;
    return messages;
  }
}
