import { ChunkReader } from "../../src/streams/chunk_reader.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { byteStream } from "./byte_stream.ts";

function chunks(...sizes: number[]): ReadableStream<Uint8Array> {
  let next = 0;
  const all = sizes.map((size) =>
    Uint8Array.from({ length: size }, () => next++)
  );
  return ReadableStream.from(all);
}

Deno.test("chunkReader.read() gives all bytes in order, whatever the chunks and the buffers", async () => {
  for (const size of [1, 3, 4, 100]) {
    const reader = new ChunkReader(chunks(5, 0, 1, 4));
    const got: number[] = [];
    const buffer = new Uint8Array(size);
    for (let n; (n = await reader.read(buffer)) !== null;) {
      got.push(...buffer.subarray(0, n));
    }
    assertEquals(got, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assertEquals(await reader.read(buffer), null);
  }
});

Deno.test("chunkReader.read() takes nothing for an empty buffer", async () => {
  const reader = new ChunkReader(chunks(2));
  assertEquals(await reader.read(new Uint8Array()), 0);
  assertEquals(await reader.read(new Uint8Array(9)), 2);
});

Deno.test("chunkReader.read() loses nothing when several wait at once", async () => {
  for (const whole of [chunks(5, 3, 2), byteStream(chunks(5, 3, 2))]) {
    const reader = new ChunkReader(whole);
    const buffers = Array.from({ length: 6 }, () => new Uint8Array(2));
    const read = await Promise.all(
      buffers.map(async (buffer) => {
        const n = await reader.read(buffer);
        return n === null ? [] : [...buffer.subarray(0, n)];
      }),
    );
    assertEquals(read, [[0, 1], [2, 3], [4], [5, 6], [7], [8, 9]]);
  }
});

Deno.test("chunkReader.read() rejects with the stream's error", async () => {
  const broken = new Error("broken");
  const reader = new ChunkReader(
    new ReadableStream({ start: (controller) => controller.error(broken) }),
  );
  assertEquals(
    await assertRejects(() => reader.read(new Uint8Array(1)), Error),
    broken,
  );
});
