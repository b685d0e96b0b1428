import { atMost, Deadline, delay, onAbort } from "../src/abort.ts";
import { assert, assertEquals, assertRejects } from "./assert.ts";
import { within } from "./within.ts";

const late = new Error("too late");
const enough = new Error("enough");

/** What a signal aborts with. */
function aborted(signal: AbortSignal): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers();
  if (signal.aborted) resolve(signal.reason);
  signal.addEventListener("abort", () => resolve(signal.reason));
  return within(10_000, "the abort", promise);
}

Deno.test("deadline.start() limits a stage, with an error made only then", async () => {
  using deadline = new Deadline(20);
  let made = 0;
  deadline.start(() => (made++, late));
  assertEquals(made, 0);
  assertEquals(await aborted(deadline.signal), late);
  assertEquals(made, 1);
});

Deno.test("deadline.start() gives each stage the whole time", async () => {
  using deadline = new Deadline(100);
  for (let stage = 0; stage < 3; stage++) {
    deadline.start(() => late);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assertEquals(deadline.signal.aborted, false);
});

Deno.test("deadline.stop() lets time pass", async () => {
  using deadline = new Deadline(10);
  deadline.start(() => late);
  deadline.stop();
  await new Promise((resolve) => setTimeout(resolve, 30));
  assertEquals(deadline.signal.aborted, false);
});

Deno.test("a deadline follows its signal", async () => {
  const stop = new AbortController();
  using deadline = new Deadline(1000, stop.signal);
  deadline.start(() => late);
  stop.abort(enough);
  assertEquals(await aborted(deadline.signal), enough);

  using dead = new Deadline(1000, stop.signal);
  assertEquals(dead.signal.reason, enough);
  dead.start(() => late); // no timer is left, or the sanitizer tells
});

Deno.test("a deadline that is disposed of starts nothing and follows no signal", () => {
  const stop = new AbortController();
  const deadline = new Deadline(1000, stop.signal);
  deadline.start(() => late);
  deadline[Symbol.dispose]();
  deadline.start(() => late);
  stop.abort(enough);
  assertEquals(deadline.signal.aborted, false);
});

Deno.test("deadline.race() is what the promise comes to, or the signal's reason", async () => {
  const stop = new AbortController();
  using deadline = new Deadline(1000, stop.signal);
  assertEquals(await deadline.race(Promise.resolve(7)), 7);
  assertEquals(
    await assertRejects(() => deadline.race(Promise.reject(late)), Error),
    late,
  );

  const { promise, reject } = Promise.withResolvers<void>();
  const racing = assertRejects(() => deadline.race(promise), Error);
  stop.abort(enough);
  assertEquals(await racing, enough);
  reject(late); // no promise is pending any longer: the rejection has no effect
  assertEquals(
    await assertRejects(() => deadline.race(Promise.resolve(7)), Error),
    enough,
  );
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert(deadline.signal.aborted);
});

Deno.test("onAbort() calls back once, at once if the signal has aborted, and never after it is disposed of or until aborts", () => {
  const reasons: unknown[] = [];
  const watch = (signal?: AbortSignal, until?: AbortSignal) =>
    onAbort(signal, (reason) => reasons.push(reason), until);
  const [stop, over] = [new AbortController(), new AbortController()];
  watch()[Symbol.dispose]();
  watch(stop.signal)[Symbol.dispose]();
  watch(stop.signal, over.signal);
  over.abort();
  watch(stop.signal);
  assertEquals(reasons, []);
  stop.abort(enough);
  assertEquals(reasons, [enough]);
  watch(stop.signal);
  assertEquals(reasons, [enough, enough]);
});

Deno.test("atMost() settles as the promise does, or with nothing when the time is over", async () => {
  assertEquals(await atMost(1000, Promise.resolve(7)), 7);
  assertEquals(
    await assertRejects(() => atMost(1000, Promise.reject(late)), Error),
    late,
  );
  assertEquals(await atMost(1, new Promise(() => {})), undefined);
});

Deno.test("delay() rejects with the reason of its signal, and leaves no timer", async () => {
  const stop = new AbortController();
  await delay(1, stop.signal);
  const waiting = assertRejects(() => delay(10_000, stop.signal), Error);
  stop.abort(enough);
  assertEquals(await waiting, enough);
  assertEquals(
    await assertRejects(() => delay(10_000, stop.signal), Error),
    enough,
  );
});
