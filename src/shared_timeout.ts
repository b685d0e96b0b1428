/** A wait that a {@linkcode SharedTimeout} limits. */
interface Wait {
  readonly until: number;
  readonly onTimeout: () => void;
}

/** A time limit for many waits, each from its own start: they share one timer, which costs more than the rest of a wait. */
export class SharedTimeout {
  /** How long each may wait, in milliseconds. */
  readonly ms: number;
  /** In the order in which they time out. */
  readonly #waits = new Set<Wait>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param ms How long each may wait, in milliseconds. */
  constructor(ms: number) {
    this.ms = ms;
  }

  /**
   * Starts a wait.
   *
   * @returns its end, to be passed to {@linkcode stop}.
   */
  start(onTimeout: () => void): Wait {
    const wait = { until: performance.now() + this.ms, onTimeout };
    this.#waits.add(wait);
    this.#timer ??= setTimeout(this.#onTimer, this.ms);
    return wait;
  }

  /** Ends a wait. Idempotent. */
  stop(wait: Wait): void {
    this.#waits.delete(wait);
    if (this.#waits.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    for (const wait of this.#waits) {
      const left = wait.until - performance.now();
      // Timers may be early by a fraction of a millisecond.
      if (left >= 1) {
        this.#timer = setTimeout(this.#onTimer, left);
        return;
      }
      this.#waits.delete(wait);
      wait.onTimeout();
    }
  };
}
