import { PeekedOpen } from "../../../src/forward/verify/peeked_open.ts";
import { assert, assertEquals } from "../../assert.ts";
import { FakeOpen } from "../fake_connection.ts";

/** A connection on whose channel that comes in. */
function openWith(readable: ReadableStream<Uint8Array<ArrayBuffer>>): FakeOpen {
  const open = new FakeOpen({ path: "/bound" });
  const channel = { ...open.confirm(), readable };
  open.confirm = () => channel;
  return open;
}

/** Chunks as others may give them: all in one buffer, some of them empty. */
function chunks(bytes: Uint8Array<ArrayBuffer>, ...sizes: number[]) {
  let at = 0;
  return ReadableStream.from(
    sizes.map((size) => bytes.subarray(at, at += size)),
  );
}

const never = new Promise<void>(() => {});

Deno.test("peekedOpen.confirm() hands on all that came in, whatever was looked at", async () => {
  for (const looked of [[], [0], [0, 1, 2, 3, 4], [9], [0, 1, 9]]) {
    for (const room of [1, 3, 100]) {
      const all = Uint8Array.from({ length: 12 }, (_, i) => i);
      const peeked = new PeekedOpen(openWith(chunks(all, 2, 0, 1, 5, 0, 4)));
      assertEquals(
        await peeked.beginsWith(Uint8Array.from(looked), never),
        !looked.includes(9),
      );
      const reader = peeked.confirm().readable.getReader({ mode: "byob" });
      const read: number[] = [];
      while (true) {
        const { value, done } = await reader.read(new Uint8Array(room));
        if (done) break;
        read.push(...value);
      }
      assertEquals(read, [...all]);
    }
  }
});

Deno.test("peekedOpen.confirm() hands on what comes after the wait for it has ended", async () => {
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>>();
  const peeked = new PeekedOpen(openWith(readable));
  assert(!await peeked.beginsWith(Uint8Array.of(1, 2), Promise.resolve()));
  const whole = new Response(peeked.confirm().readable).bytes();
  const writer = writable.getWriter();
  await writer.write(Uint8Array.of(1, 2, 3));
  await writer.close();
  assertEquals(await whole, Uint8Array.of(1, 2, 3));
});
