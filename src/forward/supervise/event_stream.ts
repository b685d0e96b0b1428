/** How many events wait for a slow reader. */
const MAX_WAITING = 1000;

/** Events that a slow reader has missed. */
export interface MissedEvents {
  /** What it is. */
  type: "missed";
  /** How many. */
  count: number;
}

/** Events for a reader in its own time, of which it misses the oldest if it is slow. */
export class EventStream<E> implements AsyncIterableIterator<E | MissedEvents> {
  readonly #onEnd: () => void;
  readonly #waiting: E[] = [];
  #missed = 0;
  #more = Promise.withResolvers<void>();
  #ended = false;

  /** @param onEnd Called when the reader has left. */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  /** Adds an event. */
  add(event: E): void {
    this.#waiting.push(event);
    if (this.#waiting.length > MAX_WAITING) {
      this.#waiting.shift();
      this.#missed++;
    }
    this.#wake();
  }

  /** No more events come. */
  end(): void {
    this.#ended = true;
    this.#wake();
    this.#onEnd();
  }

  /** The next event. */
  async next(): Promise<IteratorResult<E | MissedEvents, undefined>> {
    while (!this.#ended && this.#waiting.length === 0) await this.#more.promise;
    if (this.#missed > 0) {
      const count = this.#missed;
      this.#missed = 0;
      return { done: false, value: { type: "missed", count } };
    }
    const value = this.#waiting.shift();
    return value === undefined
      ? { done: true, value: undefined }
      : { done: false, value };
  }

  /** Ends it early. */
  return(): Promise<IteratorResult<E | MissedEvents, undefined>> {
    this.#waiting.length = this.#missed = 0;
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** @returns itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Wakes all calls of next(), in their order; those that find nothing wait on. */
  #wake(): void {
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }
}
