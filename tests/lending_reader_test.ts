import { LendingReader } from "../src/lending_reader.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "./assert.ts";
import { byteStream } from "./byte_stream.ts";

const chunks = () =>
  ReadableStream.from([Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5)]);

Deno.test("lendingReader.read() has a byte stream fill one buffer again and again", async () => {
  const reader = new LendingReader(byteStream(chunks()));
  const first = await reader.read(100);
  assertEquals(first, Uint8Array.of(1, 2, 3));
  assertEquals(first!.buffer.byteLength, 100);

  assertEquals(await reader.read(1), Uint8Array.of(4));
  assertEquals(first!.length, 0); // it was lent, and is gone: no stale bytes
  const third = await reader.read(100);
  assertEquals(third, Uint8Array.of(5));
  assertEquals(third!.buffer.byteLength, 100);
  assertEquals(await reader.read(100), undefined);
  assertEquals(await reader.read(100), undefined);
});

Deno.test("lendingReader.read() passes on the chunks of any other stream", async () => {
  const reader = new LendingReader(chunks());
  assertEquals(await reader.read(1), Uint8Array.of(1, 2, 3));
  assertEquals(await reader.read(100), Uint8Array.of(4, 5));
  assertEquals(await reader.read(100), undefined);
});

Deno.test("lendingReader.read() rejects with the stream's error, each time", async () => {
  const broken = new Error("broken");
  for (const type of [undefined, "bytes"] as const) {
    const start = (it: { error(error: Error): void }) => it.error(broken);
    const reader = new LendingReader(
      type
        ? new ReadableStream({ type, start })
        : new ReadableStream<Uint8Array>({ start }),
    );
    for (let i = 0; i < 2; i++) {
      assertEquals(await assertRejects(() => reader.read(9), Error), broken);
    }
  }
});

Deno.test("lendingReader.cancel() cancels, and ends a read that waits", async () => {
  let reason: unknown;
  const waiting = new ReadableStream<Uint8Array>({
    cancel: (it) => void (reason = it),
  });
  const reader = new LendingReader(byteStream(waiting));
  const reading = reader.read(9);
  await reader.cancel("enough");
  assertEquals(await reading, undefined);
  assertEquals(reason, "enough");
});

Deno.test("LendingReader takes no stream that somebody else reads", () => {
  for (const stream of [chunks(), byteStream(chunks())]) {
    stream.getReader();
    assertThrows(() => new LendingReader(stream), TypeError);
    assert(stream.locked);
  }
});
