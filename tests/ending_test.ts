import { Ending } from "../src/ending.ts";
import { assertEquals, assertRejects, assertThrows } from "./assert.ts";

const first = new Error("first");

Deno.test("ending.end() calls back, aborts the signal and fails what is raced, with the first reason", async () => {
  const ending = new Ending();
  const { signal } = ending;
  const reasons: unknown[] = [];
  ending.onEnd((reason) => reasons.push(reason));
  assertEquals([ending.isEnded, signal.aborted], [false, false]);
  ending.end(first);
  ending.end(new Error("second"));
  assertEquals(reasons, [first]);
  assertEquals([ending.reason, signal.reason], [first, first]);
  assertEquals(assertThrows(() => ending.throwIfEnded(), Error), first);
  const never = new Promise<never>(() => {});
  assertEquals(await assertRejects(() => ending.race(never), Error), first);
});

Deno.test("an ending tells those who ask later, too", () => {
  const ending = new Ending();
  ending.end(first);
  let reason: unknown;
  ending.onEnd((given) => reason = given);
  assertEquals([reason, ending.signal.reason], [first, first]);
});

Deno.test("ending.race() settles as the promise does", async () => {
  const ending = new Ending();
  assertEquals(await ending.race(Promise.resolve(1)), 1);
  const failing = Promise.reject(first);
  assertEquals(await assertRejects(() => ending.race(failing), Error), first);
  ending.throwIfEnded();
});
