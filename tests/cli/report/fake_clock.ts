import type { Clock } from "../../../src/cli/report/clock.ts";

/** A clock that only the test moves. It begins at 14:02:11 local time. */
export class FakeClock implements Clock {
  #elapsed = 0;
  #base = new Date(2026, 6, 28, 14, 2, 11).getTime();
  readonly #timers = new Set<{ at: number; callback: () => void }>();

  now(): number {
    return this.#base + this.#elapsed;
  }

  elapsed(): number {
    return this.#elapsed;
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.size;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#elapsed + ms, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Sets the clock forward, or back, by this many milliseconds. */
  set(ms: number): void {
    this.#base += ms;
  }

  /** Advances the time, and runs the timers that are due, in order. */
  pass(ms: number): void {
    const end = this.#elapsed + ms;
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a.at - b.at);
      if (!next || next.at > end) break;
      this.#timers.delete(next);
      this.#elapsed = Math.max(this.#elapsed, next.at);
      next.callback();
    }
    this.#elapsed = end;
  }
}
