/** The size of a burst, in seconds' worth. */
const BURST_S = 0.25;

/** Limits a number of events a second, with bursts of up to a quarter of that (token bucket). */
export class RateLimit {
  readonly #rate: number;
  #credit: number;
  #at = performance.now();

  /** @param rate How many a second. */
  constructor(rate: number) {
    this.#rate = rate;
    this.#credit = this.#most;
  }

  /** Takes one if the limit allows it; returns whether it did. */
  take(): boolean {
    const now = performance.now();
    this.#credit = Math.min(
      this.#most,
      this.#credit + (now - this.#at) / 1000 * this.#rate,
    );
    this.#at = now;
    if (this.#credit < 1) return false;
    this.#credit--;
    return true;
  }

  get #most(): number {
    return Math.max(1, this.#rate * BURST_S);
  }
}
