/** How long to wait between attempts, in milliseconds: longer each time, with jitter. */
export interface BackoffOptions {
  /** The first wait, 100 by default. It doubles with each failure … */
  firstMs?: number;
  /** … up to this, 60000 by default. The actual wait is between half of it and all of it. */
  maxMs?: number;
}

/** Waits that grow with each failure. */
export class Backoff {
  readonly #firstMs: number;
  readonly #maxMs: number;
  #failures = 0;

  constructor({ firstMs = 100, maxMs = 60_000 }: BackoffOptions = {}) {
    this.#firstMs = firstMs;
    this.#maxMs = maxMs;
  }

  /** Failures since the last {@linkcode reset}. */
  get failures(): number {
    return this.#failures;
  }

  /** Counts a failure. Returns how long to wait now, in milliseconds. */
  next(): number {
    const grown = this.#firstMs * 2 ** Math.min(this.#failures++, 31);
    const ms = Math.min(grown, this.#maxMs);
    return Math.round(ms * (1 + Math.random()) / 2);
  }

  /** Starts again with the first wait. */
  reset(): void {
    this.#failures = 0;
  }
}
