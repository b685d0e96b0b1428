/** The time that a rate is averaged over, in milliseconds. */
const WINDOW_MS = 2000;

/** Measures how fast a number of bytes grows, from samples. */
export class RateMeter {
  readonly #samples: { at: number; bytes: number }[] = [];

  /**
   * Adds a sample.
   *
   * @param at The time, in milliseconds.
   * @returns bytes per second, over the last two seconds.
   */
  sample(at: number, bytes: number): number {
    this.#samples.push({ at, bytes });
    // The last sample before the window is its start.
    while ((this.#samples[1]?.at ?? Infinity) <= at - WINDOW_MS) {
      this.#samples.shift();
    }
    const first = this.#samples[0]!;
    // There are no samples while nothing is live, and nothing grows then.
    const ms = Math.min(at - first.at, WINDOW_MS);
    return ms > 0 ? (bytes - first.bytes) * 1000 / ms : 0;
  }
}
