/**
 * A time limit on each stage of something that has several, and on the whole a
 * signal. Nothing of it is left once it is disposed of.
 */
export class Deadline {
  /** How long each stage may take, in milliseconds. */
  readonly ms: number;
  readonly #parent: AbortSignal | undefined;
  readonly #ended = new AbortController();
  #disposed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param ms How long each stage may take, in milliseconds.
   * @param signal What else ends it.
   */
  constructor(ms: number, signal?: AbortSignal) {
    this.ms = ms;
    this.#parent = signal;
    if (signal?.aborted) this.#follow();
    signal?.addEventListener("abort", this.#follow);
  }

  /** Aborts when a stage took too long, with the error that the stage was started with, or with the signal. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Begins the next stage; does nothing once there is none. */
  start(error: () => Error): void {
    this.stop();
    if (this.#disposed || this.signal.aborted) return;
    this.#timer = setTimeout(() => this.#ended.abort(error()), this.ms);
  }

  /** Time does not count until the next stage begins. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  /**
   * Waits for a promise.
   *
   * @throws the signal's reason at once, if it aborts before the promise settles.
   */
  async race<T>(promise: Promise<T>): Promise<T> {
    const ended = Promise.withResolvers<never>();
    const end = () => ended.reject(this.signal.reason);
    if (this.signal.aborted) end();
    this.signal.addEventListener("abort", end);
    try {
      return await Promise.race([ended.promise, promise]);
    } finally {
      this.signal.removeEventListener("abort", end);
    }
  }

  [Symbol.dispose](): void {
    this.stop();
    this.#disposed = true;
    this.#parent?.removeEventListener("abort", this.#follow);
  }

  readonly #follow = () => {
    this.stop();
    this.#ended.abort(this.#parent?.reason);
  };
}
