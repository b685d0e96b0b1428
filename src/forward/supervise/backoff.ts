import type { RetryOptions } from "../tunnel/retry_options.ts";

/**
 * Waits that grow with each failure, with jitter: each is between half of what
 * it could be and all of it.
 */
export class Backoff {
  readonly #firstMs: number;
  readonly #maxMs: number;
  readonly #forMs: number;
  #failures = 0;
  #since = 0;

  constructor(
    { firstMs = 100, maxMs = 60_000, forMs = Infinity }: RetryOptions = {},
  ) {
    this.#firstMs = firstMs;
    this.#maxMs = maxMs;
    this.#forMs = forMs;
  }

  /** Failures since the last {@linkcode reset}. */
  get failures(): number {
    return this.#failures;
  }

  /** Milliseconds since the first failure after the last {@linkcode reset}. */
  get elapsedMs(): number {
    return this.#failures === 0 ? 0 : performance.now() - this.#since;
  }

  /** Whether `forMs` is over, so that a failure now is the last. */
  get isOver(): boolean {
    return this.elapsedMs >= this.#forMs;
  }

  /** Counts a failure. Returns how long to wait now, in milliseconds. */
  next(): number {
    if (this.#failures === 0) this.#since = performance.now();
    const grown = this.#firstMs * 2 ** Math.min(this.#failures++, 31);
    const ms = Math.min(grown, this.#maxMs);
    return Math.round(ms * (1 + Math.random()) / 2);
  }

  /** Starts again with the first wait. */
  reset(): void {
    this.#failures = 0;
  }
}
