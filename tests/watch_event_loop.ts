import { assert } from "./assert.ts";

/** Processor time of this thread, in milliseconds; where the system does not say, the time of day. */
function threadTime(): number {
  try {
    const stat = Deno.readTextFileSync("/proc/thread-self/schedstat");
    return Number(stat.split(" ")[0]) / 1e6;
  } catch {
    return performance.now();
  }
}

/** Fails if the event loop was held for more than 100 ms of processor time. */
export function watchEventLoop(): Disposable {
  let last = threadTime();
  let longest = 0;
  const look = () => {
    const now = threadTime();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const timer = setInterval(look, 2);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      look();
      assert(longest < 100, `the event loop was held for ${longest} ms`);
    },
  };
}
