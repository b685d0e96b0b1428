import { type Duplex, relay, RForwardError } from "../../mod.ts";
import { borrower } from "../../src/lending.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { byteStream } from "../byte_stream.ts";

/** A stream pair whose other ends the test holds. */
function createEnd() {
  const incoming = new TransformStream<Uint8Array<ArrayBuffer>>();
  const outgoing = new TransformStream<Uint8Array<ArrayBuffer>>();
  const end: Duplex = {
    readable: incoming.readable,
    writable: outgoing.writable as WritableStream<Uint8Array>,
  };
  return {
    end,
    writer: incoming.writable.getWriter(),
    received: outgoing.readable,
  };
}

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("relay() copies both ways and counts", async () => {
  const a = createEnd();
  const b = createEnd();
  const relayed = relay(a.end, b.end);
  const atB = new Response(b.received).text();
  const atA = new Response(a.received).text();
  await a.writer.write(bytes("hello"));
  await b.writer.write(bytes("hi"));
  await a.writer.close();
  await b.writer.close();
  assertEquals(await relayed, { sent: 5, received: 2 });
  assertEquals([await atB, await atA], ["hello", "hi"]);
});

Deno.test("relay() goes on in one direction after the other has ended", async () => {
  const a = createEnd();
  const b = createEnd();
  const relayed = relay(a.end, b.end);
  const atB = new Response(b.received).text();
  const atA = new Response(a.received).text();
  await a.writer.close();
  assertEquals(await atB, "");
  await b.writer.write(bytes("still here"));
  await b.writer.close();
  assertEquals(await atA, "still here");
  assertEquals(await relayed, { sent: 0, received: 10 });
});

Deno.test("relay() ends both directions with the error of any side", async () => {
  for (
    const fail of [
      (x: ReturnType<typeof createEnd>, error: Error) => x.writer.abort(error),
      (x: ReturnType<typeof createEnd>, error: Error) =>
        x.received.cancel(error),
    ]
  ) {
    for (const side of [0, 1]) {
      const ends = [createEnd(), createEnd()] as const;
      const error = new RForwardError("channel-closed", "gone");
      const relayed = relay(ends[0].end, ends[1].end);
      await fail(ends[side]!, error);
      const rejected = await assertRejects(() => relayed, RForwardError);
      assert(rejected === error);
      for (const { writer } of ends) {
        await assertRejects(() => writer.write(bytes("x")), Error);
      }
    }
  }
});

Deno.test("relay() ends with the reason of its signal, before and during", async () => {
  for (const when of ["before", "during"]) {
    const a = createEnd();
    const b = createEnd();
    const controller = new AbortController();
    const reason = new RForwardError("tunnel-stopped", "enough");
    if (when === "before") controller.abort(reason);
    const relayed = relay(a.end, b.end, { signal: controller.signal });
    if (when === "during") controller.abort(reason);
    assert(await assertRejects(() => relayed, RForwardError) === reason);
  }
});

Deno.test("relay() holds back a writer whose reader does not read", async () => {
  const b = createEnd();
  let pulled = 0;
  const source = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      pulled++;
      controller.enqueue(new Uint8Array(1000));
    },
  }, { highWaterMark: 0 });
  const controller = new AbortController();
  const relayed = relay(
    { readable: source, writable: new WritableStream() },
    b.end,
    { signal: controller.signal },
  );
  for (let i = 0; i < 100; i++) await Promise.resolve();
  assert(pulled <= 4, `${pulled} chunks were taken though nobody reads`);
  controller.abort(new RForwardError("tunnel-stopped", "enough"));
  await assertRejects(() => relayed, RForwardError);
});

Deno.test("relay() with lingerMs ends a direction that is silent after the other has ended", async () => {
  const a = createEnd();
  const b = createEnd();
  const relayed = relay(a.end, b.end, { lingerMs: 10 });
  const atB = new Response(b.received).text();
  await a.writer.close();
  await atB;
  const error = await assertRejects(() => relayed, RForwardError);
  assertEquals(error.code, "channel-closed");
});

Deno.test("relay() lends chunks only to streams that are known to be done with them", async () => {
  const parts = Array.from(
    { length: 9 },
    (_, i) => new Uint8Array(1000).fill(i),
  );
  const source = () => byteStream(ReadableStream.from(parts));
  const kept: Uint8Array[] = [];
  const keeper = new WritableStream<Uint8Array>({
    write: (chunk) => void kept.push(chunk),
  });
  const copied: number[] = [];
  const copier = borrower(
    new WritableStream<Uint8Array>({
      async write(chunk) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        copied.push(...chunk);
      },
    }),
  );
  const result = await relay(
    { readable: source(), writable: keeper },
    { readable: source(), writable: copier },
  );

  assertEquals(result, { sent: 9000, received: 9000 });
  const expected = parts.flatMap((part) => [...part]);
  assertEquals(kept.flatMap((chunk) => [...chunk]), expected);
  assertEquals(copied, expected);
});
