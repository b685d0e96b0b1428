import { EventStream } from "../../../src/forward/supervise/event_stream.ts";
import { assertEquals } from "../../assert.ts";
import { within } from "../../within.ts";

Deno.test("an event stream gives events in order, waits for them, and ends", async () => {
  let ends = 0;
  const stream = new EventStream<number>(() => ends++);
  stream.add(1);
  stream.add(2);
  const seen: unknown[] = [];
  const reading = (async () => {
    for await (const event of stream) seen.push(event);
  })();
  await Promise.resolve();
  stream.add(3);
  stream.end();
  await reading;
  assertEquals(seen, [1, 2, 3]);
  assertEquals(ends, 1);
});

Deno.test("an event stream counts what a slow reader misses", async () => {
  const stream = new EventStream<number>(() => {});
  for (let i = 0; i < 1500; i++) stream.add(i);
  assertEquals((await stream.next()).value, { type: "missed", count: 500 });
  assertEquals((await stream.next()).value, 500);
  assertEquals(await stream.return(), { done: true, value: undefined });
  assertEquals((await stream.next()).done, true);
});

Deno.test("an event stream answers each of several calls of next(), in their order", async () => {
  const stream = new EventStream<number>(() => {});
  const calls = [stream.next(), stream.next(), stream.next(), stream.next()];
  stream.add(1);
  stream.add(2);
  await calls[1];
  stream.add(3);
  stream.end();
  assertEquals(
    (await within(5000, "all answers", Promise.all(calls)))
      .map(({ value }) => value),
    [1, 2, 3, undefined],
  );
});
