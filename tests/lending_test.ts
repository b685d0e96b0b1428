import { borrower, borrows, LendingReader } from "../src/lending.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "./assert.ts";
import { byteStream } from "./byte_stream.ts";
import { within } from "./within.ts";

const chunks = () =>
  ReadableStream.from([Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5)]);

/** A byte stream that has as much as it is asked for, up to `most` at once. */
function plenty(most: () => number): ReadableStream<Uint8Array> {
  return new ReadableStream({
    type: "bytes",
    pull({ byobRequest }) {
      const { byteLength } = byobRequest!.view!;
      byobRequest!.respond(Math.min(byteLength, most()));
    },
  }, { highWaterMark: 0 });
}

Deno.test("lendingReader.read() has a byte stream fill one buffer again and again", async () => {
  const reader = new LendingReader(byteStream(chunks()));
  const first = await reader.read();
  assertEquals(first, Uint8Array.of(1, 2, 3));
  assertEquals(first!.buffer.byteLength, 2048);

  const second = await reader.read();
  assertEquals(second, Uint8Array.of(4, 5));
  assertEquals(second!.buffer.byteLength, 2048);
  assertEquals(first!.length, 0); // it was lent, and is gone: nobody sees what came after it
  assertEquals(await reader.read(), undefined);
  assertEquals(await reader.read(), undefined);
});

Deno.test("lendingReader.read() takes a larger buffer while it is filled, a small one when little comes", async () => {
  let most = Infinity;
  const reader = new LendingReader(plenty(() => most));
  const read = async () => (await reader.read())!.buffer.byteLength / 1024;
  assertEquals([await read(), await read(), await read()], [2, 8, 32]);
  assertEquals([await read(), await read()], [128, 128]);
  most = 2048;
  assertEquals([await read(), await read()], [128, 128]);
  most = 1;
  assertEquals([await read(), await read()], [128, 2]);
});

Deno.test("lendingReader.read() ends with a byte stream that leaves its last read waiting", async () => {
  const parts = [1, 2];
  const reader = new LendingReader(
    new ReadableStream({
      type: "bytes",
      pull(controller) {
        const part = parts.shift();
        if (part) controller.enqueue(Uint8Array.of(part));
        else controller.close(); // without respond(0)
      },
    }),
  );
  assertEquals(await reader.read(), Uint8Array.of(1));
  assertEquals(await reader.read(), Uint8Array.of(2));
  assertEquals(await within(1000, "the end", reader.read()), undefined);
  assertEquals(await reader.read(), undefined);
  await reader.cancel();
});

Deno.test("lendingReader.read() passes on the chunks of any other stream", async () => {
  const reader = new LendingReader(chunks());
  assertEquals(await reader.read(), Uint8Array.of(1, 2, 3));
  assertEquals(await reader.read(), Uint8Array.of(4, 5));
  assertEquals(await reader.read(), undefined);
});

Deno.test("lendingReader.read() gives chunks to keep, if it may not lend", async () => {
  const reader = new LendingReader(byteStream(chunks()), false);
  const first = await reader.read();
  assertEquals(await reader.read(), Uint8Array.of(4, 5));
  assertEquals(first, Uint8Array.of(1, 2, 3));
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
      assertEquals(await assertRejects(() => reader.read(), Error), broken);
    }
  }
});

Deno.test("lendingReader.read() gives what comes together with the end", async () => {
  const last: ((it: ReadableByteStreamController) => void)[] = [
    (it) => it.enqueue(Uint8Array.of(1)),
    (it) => {
      new Uint8Array(it.byobRequest!.view!.buffer)[0] = 1;
      it.byobRequest!.respond(1);
    },
  ];
  for (const give of last) {
    const reader = new LendingReader(
      new ReadableStream({
        type: "bytes",
        async pull(controller) {
          await Promise.resolve();
          give(controller);
          controller.close();
        },
      }, { highWaterMark: 0 }),
    );
    assertEquals(await reader.read(), Uint8Array.of(1));
    assertEquals(await reader.read(), undefined);
  }
});

Deno.test("lendingReader.cancel() cancels, and ends a read that waits", async () => {
  let reason: unknown;
  const waiting = new ReadableStream<Uint8Array>({
    cancel: (it) => void (reason = it),
  });
  const reader = new LendingReader(byteStream(waiting));
  const reading = reader.read();
  await reader.cancel("enough");
  assertEquals(await reading, undefined);
  assertEquals(reason, "enough");
});

Deno.test("LendingReader takes no stream that somebody else reads", () => {
  for (const stream of [chunks(), byteStream(chunks())]) {
    stream.getReader();
    assertThrows(() => new LendingReader(stream), TypeError);
  }
});

Deno.test("borrows() knows those that borrow", () => {
  const writable = new WritableStream();
  assert(!borrows(writable));
  assertEquals(borrower(writable), writable);
  assert(borrows(writable));
});
