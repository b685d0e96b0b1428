/** The time that a rate is taken over, in milliseconds. */
const WINDOW_MS = 2000;

/** How fast a count of bytes grows, from looking at it now and then. */
export class RateMeter {
  readonly #samples: { at: number; bytes: number }[] = [];

  /**
   * Takes down the count.
   *
   * @param at The time, in milliseconds.
   * @returns bytes per second, over the last two seconds.
   */
  sample(at: number, bytes: number): number {
    this.#samples.push({ at, bytes });
    // The last sample before the window is where it begins.
    while ((this.#samples[1]?.at ?? Infinity) <= at - WINDOW_MS) {
      this.#samples.shift();
    }
    const first = this.#samples[0]!;
    // Nobody looks while nothing is live, and then nothing grows either.
    const ms = Math.min(at - first.at, WINDOW_MS);
    return ms > 0 ? (bytes - first.bytes) * 1000 / ms : 0;
  }
}
