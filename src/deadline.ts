/** A time limit on each stage of something that has several, and on the whole a signal. */
export class Deadline {
  /** Aborts when a stage took too long, with the error that the stage was started with, or with the signal. */
  readonly signal: AbortSignal;
  readonly #ms: number;
  readonly #expired = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param ms How long each stage may take, in milliseconds.
   * @param signal What else ends it.
   */
  constructor(ms: number, signal?: AbortSignal) {
    this.#ms = ms;
    this.signal = signal
      ? AbortSignal.any([this.#expired.signal, signal])
      : this.#expired.signal;
  }

  /** Begins the next stage. */
  start(error: () => Error): void {
    this.stop();
    this.#timer = setTimeout(() => this.#expired.abort(error()), this.#ms);
  }

  /** Time does not count until the next stage begins. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}
