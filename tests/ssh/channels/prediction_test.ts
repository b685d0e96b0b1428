import { Prediction } from "../../../src/ssh/channels/prediction.ts";
import { assertEquals } from "../../assert.ts";

Deno.test("prediction gives up what is of no use, but for every 16th time, and takes it up again", () => {
  const prediction = new Prediction();
  const done = (wasOfUse: boolean) => {
    let count = 0;
    for (let i = 0; i < 64; i++) {
      if (!prediction.decide()) continue;
      prediction.learn(wasOfUse);
      count++;
    }
    return count;
  };
  assertEquals(done(true), 64);
  assertEquals(done(false), 3 + 3);
  assertEquals(done(true), 64 - 2, "from the next trial on");
});
