/** The time, and timers. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds since a fixed moment, whatever the clock is set to meanwhile. */
  elapsed(): number;
  /**
   * Calls back once, after this many milliseconds.
   *
   * @returns a function that cancels it; idempotent, and without effect after the call.
   */
  after(ms: number, callback: () => void): () => void;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
