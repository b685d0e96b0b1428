/** The time that a rate is taken over, in milliseconds. */
const WINDOW_MS = 2000;

/** How fast a count of bytes grows, from samples of it. */
export class RateMeter {
  readonly #samples: { at: number; bytes: number }[] = [];

  /**
   * Takes a sample.
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
    // No samples are taken while nothing is live; nothing grows then either.
    const ms = Math.min(at - first.at, WINDOW_MS);
    return ms > 0 ? (bytes - first.bytes) * 1000 / ms : 0;
  }
}
