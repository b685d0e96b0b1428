/** How often to check the clock, and how late that may be before the machine must have slept, in milliseconds. */
const LOOK_MS = 1000;
const LATE_MS = 5000;

/**
 * Detects that this process did not run for a while: the machine slept, or the
 * process was stopped. Timers do not count that time, but the network does. A
 * monotonic clock stands still while Linux sleeps, so this is the time of day,
 * and a clock that is set forward looks the same.
 *
 * @param onJump Called with the time that was missed, in milliseconds.
 * @returns stops watching.
 */
export function watchClock(onJump: (ms: number) => void): () => void {
  let before = Date.now();
  const timer = setInterval(() => {
    const now = Date.now();
    const missed = now - before - LOOK_MS;
    before = now;
    if (missed > LATE_MS) onJump(missed);
  }, LOOK_MS);
  return () => clearInterval(timer);
}
