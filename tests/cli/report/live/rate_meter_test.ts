import { RateMeter } from "../../../../src/cli/report/live/rate_meter.ts";
import { assertEquals } from "../../../assert.ts";

Deno.test("rateMeter.sample() is the mean of the last two seconds", () => {
  const meter = new RateMeter();
  assertEquals(meter.sample(0, 500), 0);
  assertEquals(meter.sample(500, 1000), 1000);
  assertEquals(meter.sample(1000, 1500), 1000);
  assertEquals(meter.sample(3000, 1500), 0);
});

Deno.test("rateMeter.sample() starts again after a long pause", () => {
  const meter = new RateMeter();
  meter.sample(0, 0);
  assertEquals(meter.sample(3_600_000, 2000), 1000);
});
