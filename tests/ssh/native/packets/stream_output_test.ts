import { StreamOutput } from "../../../../src/ssh/native/packets/stream_output.ts";
import { assert, assertEquals } from "../../../assert.ts";

/** An output that keeps its writes, and accepts as many bytes of each as `take` says. */
function newOutput(
  { take = (bytes: Uint8Array) => Promise.resolve(bytes.length) } = {},
) {
  const writes: Uint8Array[] = [];
  const errors: unknown[] = [];
  let progress = 0;
  const output = new StreamOutput({
    read: () => Promise.resolve(null),
    async write(bytes) {
      const size = await take(bytes);
      writes.push(bytes.slice(0, size));
      return size;
    },
    closeWrite: () => Promise.resolve(),
    close() {},
  }, {
    onProgress: () => progress++,
    onError: (error) => errors.push(error),
  });
  return { output, writes, errors, progress: () => progress };
}

function put(output: StreamOutput, ...values: number[]): void {
  output.reserve(values.length).set(values);
}

Deno.test("StreamOutput writes what comes in one turn at once, and the rest after it", async () => {
  const { output, writes } = newOutput();
  put(output, 1, 2);
  put(output, 3);
  assertEquals(output.queued, 3);
  await output.flushed();
  put(output, 4);
  await output.flushed();
  assertEquals(writes, [Uint8Array.of(1, 2, 3), Uint8Array.of(4)]);
  assertEquals([output.queued, output.bytesSent], [0, 4]);
});

Deno.test("StreamOutput writes at once what promises of one turn send one after the other", async () => {
  const { output, writes } = newOutput();
  await new Promise((resolve) => setTimeout(resolve, 0)); // a turn of our own
  put(output, 1);
  for (let i = 2; i < 10; i++) {
    await undefined;
    put(output, i);
  }
  await output.flushed();
  assertEquals(writes, [Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9)]);
});

Deno.test("StreamOutput gathers while it writes, and continues after a partial write", async () => {
  const { output, writes, progress } = newOutput({
    take: (bytes) => {
      if (bytes[0] === 1) put(output, 9); // while the first are being written
      return Promise.resolve(Math.min(2, bytes.length));
    },
  });
  put(output, 1, 2, 3);
  await output.flushed();
  assertEquals(writes, [
    Uint8Array.of(1, 2),
    Uint8Array.of(3),
    Uint8Array.of(9),
  ]);
  assertEquals(progress(), 3);
});

Deno.test("StreamOutput holds any amount, and says from 192 KiB on that it is much", async () => {
  const { output, writes } = newOutput();
  let sum = 0;
  for (let i = 0; i < 100; i++) {
    output.reserve(30_000).fill(i);
    sum += 30_000;
    assertEquals(output.congested, sum > 192 * 1024);
  }
  await output.flushed();
  assert(!output.congested);
  const all = writes.flatMap((bytes) => [...bytes]);
  assertEquals(all.length, sum);
  assert(all.every((byte, at) => byte === Math.floor(at / 30_000)));
});

Deno.test("StreamOutput says what went wrong, and nothing once it has been stopped", async () => {
  const error = new Error("broken");
  const broken = newOutput({ take: () => Promise.reject(error) });
  put(broken.output, 1);
  await broken.output.flushed();
  assertEquals(broken.errors, [error]);

  const stopped = newOutput({
    take: () => {
      stopped.output.stop();
      return Promise.reject(error);
    },
  });
  put(stopped.output, 1);
  await stopped.output.flushed();
  assertEquals(stopped.errors, []);
  assertEquals(stopped.output.queued, 0);
});
