import { Buffer } from "node:buffer";
import { ReceiveQueue } from "../../../src/ssh/channels/receive_queue.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { within } from "../../within.ts";

interface Setting {
  queue: ReceiveQueue;
  /** The sum of what `onRead` received. */
  readonly returned: number;
  readonly cancelled: number;
}

function setUp(): Setting {
  let returned = 0;
  let cancelled = 0;
  const queue = new ReceiveQueue(
    (bytes) => returned += bytes,
    () => cancelled++,
  );
  return {
    queue,
    get returned() {
      return returned;
    },
    get cancelled() {
      return cancelled;
    },
  };
}

/** As long as it says, all of one value. */
function chunk(length: number, fill = 1): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).fill(fill);
}

Deno.test("ReceiveQueue gives window back for what was read, and no more", async () => {
  const it = setUp();
  it.queue.push(chunk(32_768, 1));
  it.queue.push(chunk(3000, 2));
  const reader = it.queue.readable.getReader();
  await Promise.resolve();
  assertEquals(it.returned, 0);

  assertEquals((await reader.read()).value, chunk(32_768, 1));
  assertEquals(it.returned, 32_768);
  assertEquals((await reader.read()).value, chunk(3000, 2));
  assertEquals(it.returned, 35_768);
  assertEquals(it.queue.bytesReceived, 35_768);
});

Deno.test("ReceiveQueue hands a chunk at once to who waits for it", async () => {
  const { queue } = setUp();
  const reader = queue.readable.getReader();
  const reading = reader.read();
  await Promise.resolve();

  queue.push(chunk(1));

  assertEquals(await reading, { done: false, value: chunk(1) });
});

Deno.test("ReceiveQueue hands packets that come together to a fast reader as one chunk", async () => {
  const { queue } = setUp();
  const reader = queue.readable.getReader();
  const sizes: number[] = [];
  for (let i = 0; i < 5; i++) {
    const reading = reader.read();
    await Promise.resolve();
    for (let packet = 0; packet < 4; packet++) queue.push(chunk(32_768));
    sizes.push((await reading).value!.length);
    while (queue.bytesReceived < 131_072 * (i + 1)) await reader.read();
  }

  assertEquals(sizes[0], 32_768);
  assertEquals(sizes.slice(2), [131_072, 131_072, 131_072]);
});

Deno.test("ReceiveQueue copies what it takes", async () => {
  const { queue } = setUp();
  const data = chunk(2000, 1);
  queue.push(data);
  data.fill(2);
  queue.end();

  assertEquals(await Array.fromAsync(queue.readable), [chunk(2000, 1)]);
});

Deno.test("ReceiveQueue ends after what it holds", async () => {
  const { queue } = setUp();
  queue.push(chunk(2000));
  queue.end();
  queue.push(chunk(2000)); // no more than the other side's mistake

  assertEquals(await Array.fromAsync(queue.readable), [chunk(2000)]);
});

Deno.test("ReceiveQueue fails after what it holds, if it ends with an error", async () => {
  const { queue } = setUp();
  const error = new Error("cut");
  queue.push(chunk(2000));
  queue.end(error);
  const reader = queue.readable.getReader();

  assertEquals((await reader.read()).value, chunk(2000));
  assertEquals(await assertRejects(() => reader.read(), Error), error);
});

Deno.test("ReceiveQueue reports its end also without a reader", async () => {
  const ended = setUp().queue;
  const reader = ended.readable.getReader();
  ended.end();
  await reader.closed;

  const failed = setUp().queue;
  const other = failed.readable.getReader();
  const error = new Error("cut");
  failed.end(error);
  assertEquals(await assertRejects(() => other.closed, Error), error);
});

Deno.test("ReceiveQueue.abort() throws away what it holds", async () => {
  const it = setUp();
  const error = new Error("closed");
  it.queue.push(chunk(2000));
  it.queue.abort(error);

  const reader = it.queue.readable.getReader();
  assertEquals(await assertRejects(() => reader.read(), Error), error);
  assertEquals(it.queue.bytesReceived, 0);
});

Deno.test("ReceiveQueue.abort() throws away what it holds after the end has come", async () => {
  const it = setUp();
  const error = new Error("closed");
  it.queue.push(chunk(2000));
  it.queue.end();
  it.queue.abort(error);

  const reader = it.queue.readable.getReader();
  const reading = assertRejects(() => reader.read(), Error);
  assertEquals(await within(10_000, "read()", reading), error);
});

Deno.test("ReceiveQueue.abort() leaves a stream alone that was read to its end", async () => {
  const { queue } = setUp();
  queue.push(chunk(1));
  queue.end();
  const reader = queue.readable.getReader();
  await reader.read();

  queue.abort(new Error("too late"));

  assertEquals((await reader.read()).done, true);
});

Deno.test("ReceiveQueue gives window back for data that is discarded", async () => {
  const it = setUp();
  it.queue.push(chunk(2000));
  await it.queue.readable.cancel();
  assertEquals(it.cancelled, 1);
  assertEquals(it.returned, 2000);

  it.queue.push(chunk(3000));
  assertEquals(it.returned, 5000);
  assertEquals(it.queue.bytesReceived, 0);
  it.queue.end(new Error("no reader"));
});

Deno.test("ReceiveQueue can be cancelled while a reader waits", async () => {
  const it = setUp();
  const reader = it.queue.readable.getReader();
  const reading = reader.read();
  await reader.cancel();

  assertEquals((await reading).done, true);
  it.queue.push(chunk(10));
  assertEquals(it.returned, 10);
});

Deno.test("ReceiveQueue ignores empty chunks", async () => {
  const { queue } = setUp();
  queue.push(chunk(0));
  queue.push(chunk(2000));
  queue.end();

  assertEquals(await Array.fromAsync(queue.readable), [chunk(2000)]);
});

Deno.test("ReceiveQueue gathers small chunks while it is not read", async () => {
  const it = setUp();
  for (let i = 0; i < 100_000; i++) it.queue.push(chunk(1, i % 251));
  it.queue.push(chunk(2000));
  it.queue.push(chunk(1, 7));
  it.queue.end();

  const chunks = await Array.fromAsync(it.queue.readable);

  assert(chunks.length < 50, `${chunks.length} chunks`);
  const all = Buffer.concat(chunks);
  assertEquals(all.length, 102_001);
  assert(all.subarray(0, 100_000).every((byte, i) => byte === i % 251));
  assertEquals(all[102_000], 7);
  assertEquals(it.returned, 102_001);
});

Deno.test("ReceiveQueue keeps the order when it is read while it gathers", async () => {
  const { queue } = setUp();
  const reader = queue.readable.getReader();
  const read: number[] = [];
  for (let i = 0; i < 200; i++) {
    queue.push(chunk(1, i));
    queue.push(chunk(1, i));
    if (i % 3 === 0) read.push(...(await reader.read()).value!);
  }
  queue.end();
  for (let next; !(next = await reader.read()).done;) read.push(...next.value);

  assertEquals(read, Array.from({ length: 400 }, (_, i) => i >> 1));
});

Deno.test("ReceiveQueue hands out plain chunks that share no memory", async () => {
  const { queue } = setUp();
  const packets = Buffer.alloc(64 * 1024, 5);
  queue.push(packets.subarray(0, 2000) as Buffer<ArrayBuffer>);
  queue.push(packets.subarray(2000, 4000) as Buffer<ArrayBuffer>);
  queue.push(Buffer.from(packets.subarray(0, 30_000)));
  queue.end();

  const chunks = await Array.fromAsync(queue.readable);

  for (const chunk of chunks) {
    assertEquals(chunk.constructor, Uint8Array);
    assert(chunk.every((byte) => byte === 5));
    structuredClone(chunk, { transfer: [chunk.buffer] });
  }
  assertEquals(packets.length, 64 * 1024);
});

/** Reads all that comes into buffers of that size, each used again; the bytes, and how much each read gave. */
async function readInto(readable: ReadableStream<Uint8Array>, size: number) {
  const reader = readable.getReader({ mode: "byob" });
  const sizes: number[] = [];
  const all: number[] = [];
  let buffer = new ArrayBuffer(size);
  while (true) {
    const { value, done } = await reader.read(new Uint8Array(buffer));
    if (done) return { all, sizes };
    all.push(...value);
    sizes.push(value.length);
    buffer = value.buffer;
  }
}

Deno.test("ReceiveQueue fills the buffers that its reader brings", async () => {
  for (const [size, expected] of [[4, [4, 4, 2]], [10, [10]], [99, [10]]]) {
    const it = setUp();
    for (const i of [1, 4, 2, 3]) it.queue.push(chunk(i, i));
    it.queue.end();
    const { all, sizes } = await readInto(it.queue.readable, size as number);
    assertEquals(all, [1, 4, 4, 4, 4, 2, 2, 3, 3, 3]);
    assertEquals(sizes, expected);
    assertEquals(it.returned, 10);
    assertEquals(it.queue.bytesReceived, 10);
  }
});

Deno.test("ReceiveQueue passes data, the end and errors to a reader that waits with a buffer", async () => {
  const { queue } = setUp();
  const reader = queue.readable.getReader({ mode: "byob" });
  const first = reader.read(new Uint8Array(9));
  await Promise.resolve();
  queue.push(chunk(3, 7));
  assertEquals((await first).value, chunk(3, 7));
  const second = reader.read(new Uint8Array(9));
  await Promise.resolve();
  queue.end();
  assertEquals((await within(10_000, "read()", second)).done, true);

  const failing = setUp().queue;
  const error = new Error("cut");
  const third = failing.readable.getReader({ mode: "byob" })
    .read(new Uint8Array(9));
  await Promise.resolve();
  failing.end(error);
  assertEquals(await assertRejects(() => third, Error), error);
});

Deno.test("ReceiveQueue keeps the order whether read with buffers, without, or in turns", async () => {
  // What is pushed next, and what has to be read next.
  const queues = Array.from(
    { length: 3 },
    () => ({ ...setUp(), pushed: 0, read: 0 }),
  );
  const next = (at: number) => at * 7 % 251;
  for (let round = 0; round < 60; round++) {
    for (const [i, it] of queues.entries()) {
      for (let packet = 0; packet < round % 7 + 1; packet++) {
        const data = chunk(1 + (round * 7919 + i * 104_729) % 32_000);
        it.queue.push(data.map(() => next(it.pushed++)));
      }
    }
    for (const [i, it] of queues.entries()) {
      const ownBuffer = i === 0 || i === 2 && round % 5 < 3;
      const wanted = it.pushed - (round === 59 ? 0 : 1000 * i);
      const { readable } = it.queue;
      const reader = ownBuffer
        ? readable.getReader({ mode: "byob" })
        : readable.getReader();
      while (it.read < wanted) {
        const { value } = reader instanceof ReadableStreamBYOBReader
          ? await reader.read(new Uint8Array(100_000))
          : await reader.read();
        assert(value!.every((byte) => byte === next(it.read++)));
      }
      reader.releaseLock();
    }
  }
  for (const it of queues) assertEquals(it.read, it.pushed);
});

Deno.test("ReceiveQueue.end() throws nothing when half an element is left over: its reader learns of it", async () => {
  const { queue } = setUp();
  const reader = queue.readable.getReader({ mode: "byob" });
  queue.push(chunk(3, 7));
  const whole = await reader.read(new Uint16Array(9));
  assertEquals(whole.value, Uint16Array.of(0x0707));
  const half = assertRejects(() => reader.read(new Uint16Array(9)), TypeError);
  const closed = assertRejects(() => reader.closed, TypeError);

  queue.end();

  await Promise.all([half, closed]);
});

Deno.test("receiveQueue.lend() gives what has arrived, waits for more, and reports the end", async () => {
  const it = setUp();
  const source = it.queue.takeSource()!;
  it.queue.push(chunk(3, 7));
  it.queue.push(chunk(2, 7));
  assertEquals(source.lend(), chunk(5, 7));
  assertEquals(it.returned, 5);
  const next = source.lend();
  it.queue.push(chunk(1, 8));
  it.queue.push(chunk(1, 8));
  assertEquals(await next, chunk(2, 8));
  it.queue.push(chunk(4, 9));
  it.queue.end();
  assertEquals(await source.lend(), chunk(4, 9));
  assertEquals([await source.lend(), await source.lend()], [null, null]);
  assertEquals([it.returned, it.queue.bytesReceived], [11, 11]);
});

Deno.test("receiveQueue.lend() ends a wait with the end, the error or a cancel", async () => {
  for (const how of ["end", "error", "abort", "cancel"]) {
    const { queue } = setUp();
    const source = queue.takeSource()!;
    const next = Promise.resolve(source.lend());
    const error = new Error("cut");
    if (how === "cancel") source.cancel(error);
    else if (how === "abort") queue.abort(error);
    else queue.end(how === "end" ? undefined : error);
    if (how === "end" || how === "cancel") assertEquals(await next, null);
    else assertEquals(await assertRejects(() => next, Error), error);
  }
});

Deno.test("a ReceiveQueue is read in one way only, by its stream or directly", () => {
  const streamed = setUp().queue;
  assert(!streamed.readable.locked);
  assertEquals(streamed.takeSource(), undefined);

  const direct = setUp().queue;
  assert(direct.takeSource());
  assertEquals(direct.takeSource(), undefined);
  assert(direct.readable.locked);
});

Deno.test("a ReceiveQueue whose stream is asked for late has lost nothing", async () => {
  const { queue } = setUp();
  queue.push(chunk(3, 7));
  queue.end();
  assertEquals(await Array.fromAsync(queue.readable), [chunk(3, 7)]);

  const ended = setUp().queue;
  ended.end();
  assertEquals(await Array.fromAsync(ended.readable), []);

  const failed = setUp().queue;
  const error = new Error("cut");
  failed.end(error);
  const reading = failed.readable.getReader().read();
  assertEquals(await assertRejects(() => reading, Error), error);
});
