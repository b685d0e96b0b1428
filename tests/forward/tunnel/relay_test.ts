import { type Duplex, listen, relay, RForwardError } from "../../../mod.ts";
import { borrower } from "../../../src/lending.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { byteStream } from "../../byte_stream.ts";
import { serverTest } from "../../servers/availability.ts";
import { receive, receiveText, send, startRig, visit } from "../rig.ts";

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
  assert(pulled <= 4, `${pulled} chunks were taken although nothing reads`);
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

/** A socket that something listens on, and connections to it from both sides. */
async function startSocket(kind: "tcp" | "unix") {
  const dir = await Deno.makeTempDir();
  const path = `${dir}/socket`;
  const listener = kind === "tcp"
    ? Deno.listen({ hostname: "127.0.0.1", port: 0 })
    : Deno.listen({ transport: "unix", path });
  return {
    /** Both ends of a new connection; the first is the one that connected. */
    async pair(): Promise<[Deno.Conn, Deno.Conn]> {
      const connecting = listener.addr.transport === "tcp"
        ? Deno.connect({ port: listener.addr.port })
        : Deno.connect({ transport: "unix", path });
      return [await connecting, await listener.accept()];
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await Deno.remove(dir, { recursive: true });
    },
  };
}

/** Whether a connection was closed on this side. */
async function isClosed(conn: Deno.Conn): Promise<boolean> {
  const error = await conn.write(new Uint8Array(1)).catch((error) => error);
  return error instanceof Deno.errors.BadResource;
}

for (const kind of ["tcp", "unix"] as const) {
  Deno.test(`relay() takes a Deno.Conn as it is, loses nothing after a half-close, and closes it in the end (${kind})`, async () => {
    await using socket = await startSocket(kind);
    // program ⇄ a, which is relayed to b ⇄ service
    const [program, a] = await socket.pair();
    const [b, service] = await socket.pair();
    using _program = program;
    using _service = service;
    const relayed = relay(a, b);

    await send(program, "question");
    await program.closeWrite();
    assertEquals(await receiveText(service), "question");
    const answer = new Uint8Array(3_000_000).fill(7);
    const [received] = await Promise.all([
      receive(program),
      send(service, answer).then(() => service.closeWrite()),
    ]);
    assertEquals(received.length, answer.length);
    assertEquals(await relayed, { sent: 8, received: answer.length });
    assertEquals([await isClosed(a), await isClosed(b)], [true, true]);
  });

  Deno.test(`relay() goes on with what is sent to a Deno.Conn that has ended its own direction (${kind})`, async () => {
    await using socket = await startSocket(kind);
    const [program, a] = await socket.pair();
    const [b, service] = await socket.pair();
    using _program = program;
    using _service = service;
    const relayed = relay(a, b);

    await service.closeWrite();
    assertEquals(await receiveText(program), "");
    const upload = new Uint8Array(3_000_000).fill(7);
    const [received] = await Promise.all([
      receive(service),
      send(program, upload).then(() => program.closeWrite()),
    ]);
    assertEquals(received.length, upload.length);
    assertEquals(await relayed, { sent: upload.length, received: 0 });
  });

  Deno.test(`relay() closes a Deno.Conn when it is aborted (${kind})`, async () => {
    await using socket = await startSocket(kind);
    const [program, a] = await socket.pair();
    const [b, service] = await socket.pair();
    using _program = program;
    using _service = service;
    const controller = new AbortController();
    const relayed = relay(a, b, { signal: controller.signal });
    const reason = new RForwardError("tunnel-stopped", "enough");
    controller.abort(reason);
    assert(await assertRejects(() => relayed, RForwardError) === reason);
    assertEquals(await receiveText(program), "");
    assertEquals([await isClosed(a), await isClosed(b)], [true, true]);
  });
}

serverTest(
  "sshd",
  "relay() joins what a listener accepts and a Deno.Conn, with half-close both ways",
  async () => {
    await using rig = await startRig("sshd");
    await using listener = await listen(rig.connection, { port: 0 });
    for (const kind of ["tcp", "unix"] as const) {
      await using socket = await startSocket(kind);
      using program = await visit(listener.port);
      const [conn, service] = await socket.pair();
      using _service = service;
      const relayed = relay(await listener.accept(), conn);

      await send(program, "question");
      await program.closeWrite();
      assertEquals(await receiveText(service), "question");
      await send(service, "answer");
      await service.closeWrite();
      assertEquals(await receiveText(program), "answer");
      assertEquals(await relayed, { sent: 8, received: 6 });
    }
  },
);

serverTest(
  "sshd",
  "relay() goes on where read() has begun",
  async () => {
    await using rig = await startRig("sshd");
    await using listener = await listen(rig.connection, { port: 0 });
    await using socket = await startSocket("tcp");
    using program = await visit(listener.port);
    const [conn, service] = await socket.pair();
    using _service = service;
    await send(program, "to: service\nhello");
    await program.closeWrite();
    const accepted = await listener.accept();
    await accepted.read(new Uint8Array(12));
    const relayed = relay(accepted, conn);
    assertEquals(await receiveText(service), "hello");
    await service.closeWrite();
    assertEquals(await receiveText(program), "");
    assertEquals(await relayed, { sent: 5, received: 0 });
  },
);
