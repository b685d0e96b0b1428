/** How much of a second's number may come at once. */
const BURST_S = 0.25;

/** Lets through so many a second: evenly, but for a quarter of a second's number at once. */
export class RateLimit {
  readonly #rate: number;
  #credit: number;
  #at = performance.now();

  /** @param rate How many a second. */
  constructor(rate: number) {
    this.#rate = rate;
    this.#credit = this.#most;
  }

  /** Whether one more may come now; it counts then. */
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
