import { Backoff } from "../../../src/forward/supervise/backoff.ts";
import type { RetryOptions } from "../../../src/forward/tunnel/retry_options.ts";
import { assert, assertEquals } from "../../assert.ts";

for (
  const [what, options, waits] of [
    ["by default", {}, [100, 200, 400, 800]],
    ["up to `maxMs`", { firstMs: 30, maxMs: 100 }, [30, 60, 100, 100]],
    ["up to `maxMs`, if that is less than the first", { maxMs: 20 }, [20, 20]],
  ] satisfies [string, RetryOptions, number[]][]
) {
  Deno.test(`backoff.next() doubles the wait ${what}, and takes half of it or more`, () => {
    const backoff = new Backoff(options);
    for (let round = 1; round <= 100; round++) {
      for (const [failures, most] of waits.entries()) {
        assertEquals(backoff.failures, failures);
        const ms = backoff.next();
        assert(ms >= most / 2 && ms <= most, `${ms} of ${most}`);
      }
      backoff.reset();
    }
  });
}

Deno.test("backoff.next() waits up to a minute by default", () => {
  const backoff = new Backoff();
  for (let i = 0; i < 100; i++) backoff.next();
  const ms = backoff.next();
  assert(ms >= 30_000 && ms <= 60_000, `${ms}`);
});

Deno.test("backoff.next() may be no wait at all, however often", () => {
  const backoff = new Backoff({ firstMs: 0 });
  for (let i = 0; i < 2000; i++) assertEquals(backoff.next(), 0);
});
