import { setImmediate } from "node:timers";
import { setTimeout as delay } from "node:timers/promises";
import { type Duplex, listen, relay, RForwardError } from "../../../mod.ts";
import type { ByteStream } from "../../../src/streams/byte_stream.ts";
import {
  Channel,
  type ChannelCarrier,
} from "../../../src/ssh/channels/channel.ts";
import { PacketWriter } from "../../../src/ssh/native/packets/packet_writer.ts";
import { StreamOutput } from "../../../src/ssh/native/packets/stream_output.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { byteStream } from "../../streams/byte_stream.ts";
import { assertSameBytes } from "../../testing/sockets.ts";
import { anyReceiveWindow } from "../../ssh/channels/any_receive_window.ts";
import { serverTest } from "../../servers/availability.ts";
import { receive, receiveText, send, startRig, visit } from "../rig.ts";
import {
  channelPair,
  type RelayEnd,
  relayEnds,
  streams,
} from "./relay_ends.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

for (
  const [one, other] of [
    ["streams", "streams"],
    ["channels", "sockets"],
    ["channels", "channels"],
    ["sockets", "sockets"],
    ["channels", "streams"],
    ["streams", "sockets"],
  ]
) {
  const create = async () => {
    const stack = new DisposableStack();
    const ends = [
      await relayEnds[one!]!(),
      await relayEnds[other!]!(),
    ] as const;
    for (const end of ends) stack.defer(() => end[Symbol.dispose]?.());
    return { a: ends[0], b: ends[1], [Symbol.dispose]: () => stack.dispose() };
  };
  const between = `between ${one} and ${other}`;

  Deno.test(`relay() ${between} copies both ways and counts`, async () => {
    using ends = await create();
    const { a, b } = ends;
    const relayed = relay(a.end, b.end);
    const atB = new Response(b.received).text();
    const atA = new Response(a.received).text();
    await a.writer.write(bytes("hello"));
    await b.writer.write(bytes("hi"));
    await a.writer.close();
    await b.writer.close();
    assertEquals(await relayed, { bytesToB: 5, bytesToA: 2 });
    assertEquals([await atB, await atA], ["hello", "hi"]);
  });

  Deno.test(`relay() ${between} continues in one direction after the other has ended`, async () => {
    using ends = await create();
    const { a, b } = ends;
    const relayed = relay(a.end, b.end);
    const atB = new Response(b.received).text();
    const atA = new Response(a.received).text();
    await a.writer.close();
    assertEquals(await atB, "");
    await b.writer.write(bytes("still here"));
    await b.writer.close();
    assertEquals(await atA, "still here");
    assertEquals(await relayed, { bytesToB: 0, bytesToA: 10 });
  });

  Deno.test(`relay() ${between} carries megabytes both ways without loss, also to a slow reader`, async () => {
    using ends = await create();
    const { a, b } = ends;
    const relayed = relay(a.end, b.end);
    const data = new Uint8Array(3_000_000).map((_, i) => i % 251);
    const write = async ({ writer }: RelayEnd) => {
      for (let at = 0, size = 1; at < data.length; at += size, size *= 3) {
        await writer.write(data.slice(at, at + size));
      }
      await writer.close();
    };
    const read = async ({ received }: RelayEnd, slow: boolean) => {
      const all = new Uint8Array(data.length);
      let length = 0;
      for await (const chunk of received) {
        all.set(chunk, length);
        length += chunk.length;
        if (slow) await new Promise<void>((resolve) => setTimeout(resolve));
      }
      return [length, all.every((byte, i) => byte === data[i])];
    };
    const [atA, atB] = await Promise.all([
      ...[read(a, false), read(b, true)],
      ...[write(a), write(b)],
    ]);
    assertEquals([atA, atB], [[data.length, true], [data.length, true]]);
    assertEquals(await relayed, {
      bytesToB: data.length,
      bytesToA: data.length,
    });
  });

  Deno.test(`relay() ${between} ends with the reason of its signal, before and during`, async () => {
    for (const when of ["before", "during"]) {
      using ends = await create();
      const controller = new AbortController();
      const { signal } = controller;
      const reason = new RForwardError("tunnel-stopped", "enough");
      if (when === "before") controller.abort(reason);
      const relayed = relay(ends.a.end, ends.b.end, { signal });
      if (when === "during") controller.abort(reason);
      assert(await assertRejects(() => relayed, RForwardError) === reason);
    }
  });

  Deno.test(`relay() ${between} with lingerMs ends a direction that is silent after the other has ended`, async () => {
    using ends = await create();
    const { a, b } = ends;
    const relayed = relay(a.end, b.end, { lingerMs: 10 });
    const atB = new Response(b.received).text().catch(() => {});
    await a.writer.close();
    const error = await assertRejects(() => relayed, RForwardError);
    assertEquals(error.code, "channel-closed");
    await atB;
  });

  if (one === "sockets") continue; // those report a failure only by the next write

  Deno.test(`relay() ${between} ends both directions with an error of the first side`, async () => {
    for (const how of ["abort", "cancel"] as const) {
      using ends = await create();
      const { a, b } = ends;
      const error = new RForwardError("channel-closed", "gone");
      const relayed = relay(a.end, b.end);
      if (how === "abort") await a.writer.abort(error);
      else await a.received.cancel(error);
      const rejected = await assertRejects(() => relayed, RForwardError);
      if (one === "streams") assert(rejected === error);
      assertEquals(rejected.code, "channel-closed");
      const end = await b.received.getReader().read().catch(() => "failed");
      assert(end === "failed" || (end as { done: boolean }).done);
    }
  });
}

Deno.test("relay() between channels and sockets makes no streams, and locks those that are asked for later", async () => {
  using ends = await relayEnds.sockets!() as RelayEnd & Disposable;
  using pair = channelPair();
  const { end: channel, peer } = pair;
  const relayed = relay(channel, ends.end);
  assert(channel.readable.locked);
  assert(channel.writable.locked);
  await assertRejects(() => relay(channel, ends.end), TypeError);
  peer.close();
  await assertRejects(() => relayed, RForwardError);
});

Deno.test("relay() of many sockets that have something at once sends all of it in one write", async () => {
  const writes: number[] = [];
  const written = Promise.withResolvers<void>();
  const output = new StreamOutput({
    write(p: Uint8Array) {
      writes.push(p.length);
      written.resolve();
      return Promise.resolve(p.length);
    },
  } as ByteStream, { onProgress() {}, onError() {} });
  const writer = new PacketWriter(output);
  const transport = {
    congested: false,
    send: (head: Uint8Array, body: Uint8Array) => writer.write(head, body),
  };
  const carrier = { transport, release() {} } as unknown as ChannelCarrier;
  const arrived = Promise.withResolvers<void>();
  const controller = new AbortController();
  const relays = Array.from({ length: 8 }, (_, local) => {
    let reads = 0;
    const closed = Promise.withResolvers<null>();
    const socket = {
      async read() {
        if (reads++ > 0) return await closed.promise;
        await arrived.promise;
        return 64;
      },
      closeWrite: () => Promise.resolve(),
      close: () => closed.resolve(null),
    } as unknown as Deno.Conn;
    const ids = {
      ...{ local, remote: local, window: 2 ** 20, packetSize: 2 ** 15 },
      receiveWindow: anyReceiveWindow(),
    };
    const channel = new Channel(carrier, ids);
    return relay(channel, socket, controller).catch(() => {});
  });
  arrived.resolve();
  await written.promise;
  assertEquals(writes.length, 1);
  assert(writes[0]! > 8 * 64, `${writes[0]} bytes`);
  controller.abort();
  await Promise.all(relays);
});

Deno.test("relay() holds back a writer whose reader does not read", async () => {
  const b = streams();
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

Deno.test("relay() gives streams chunks that they may keep", async () => {
  const parts = Array.from(
    { length: 9 },
    (_, i) => new Uint8Array(1000).fill(i),
  );
  const source = () => byteStream(ReadableStream.from(parts));
  const kept: Uint8Array[] = [];
  const keeper = new WritableStream<Uint8Array>({
    write: (chunk) => void kept.push(chunk),
  });
  await using socket = await startSocket("tcp");
  const [conn, program] = await socket.pair();
  using _program = program;
  const relayed = relay({ readable: source(), writable: keeper }, conn);
  for (const part of parts) await send(program, part);
  await program.closeWrite();
  assertEquals((await receive(program)).length, 9000);

  assertEquals(await relayed, { bytesToB: 9000, bytesToA: 9000 });
  const expected = parts.flatMap((part) => [...part]);
  assertEquals(kept.flatMap((chunk) => [...chunk]), expected);
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

/** A relay between sockets: program ⇄ a, which is relayed to b ⇄ service. */
async function startRelay(kind: "tcp" | "unix", signal?: AbortSignal) {
  await using stack = new AsyncDisposableStack();
  const socket = stack.use(await startSocket(kind));
  const [program, a] = await socket.pair();
  stack.use(program);
  const [b, service] = await socket.pair();
  stack.use(service);
  const relayed = relay(a, b, signal && { signal });
  const resources = stack.move();
  return {
    ...{ program, a, b, service, relayed },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Whether a connection was closed on this side. */
async function isClosed(conn: Deno.Conn): Promise<boolean> {
  const error = await conn.write(new Uint8Array(1)).catch((error) => error);
  return error instanceof Deno.errors.BadResource;
}

for (const kind of ["tcp", "unix"] as const) {
  Deno.test(`relay() takes a Deno.Conn as it is, loses nothing after a half-close, and closes it in the end (${kind})`, async () => {
    await using between = await startRelay(kind);
    const { program, a, b, service, relayed } = between;

    await send(program, "question");
    await program.closeWrite();
    assertEquals(await receiveText(service), "question");
    const answer = new Uint8Array(3_000_000).fill(7);
    const [received] = await Promise.all([
      receive(program),
      send(service, answer).then(() => service.closeWrite()),
    ]);
    assertEquals(received.length, answer.length);
    assertEquals(await relayed, { bytesToB: 8, bytesToA: answer.length });
    assertEquals([await isClosed(a), await isClosed(b)], [true, true]);
  });

  Deno.test(`relay() keeps sending to a Deno.Conn that has ended its own direction (${kind})`, async () => {
    await using between = await startRelay(kind);
    const { program, service, relayed } = between;

    await service.closeWrite();
    assertEquals(await receiveText(program), "");
    const upload = new Uint8Array(3_000_000).fill(7);
    const [received] = await Promise.all([
      receive(service),
      send(program, upload).then(() => program.closeWrite()),
    ]);
    assertEquals(received.length, upload.length);
    assertEquals(await relayed, { bytesToB: upload.length, bytesToA: 0 });
  });

  Deno.test(`relay() closes a Deno.Conn when it is aborted (${kind})`, async () => {
    const controller = new AbortController();
    await using between = await startRelay(kind, controller.signal);
    const { program, a, b, relayed } = between;
    const reason = new RForwardError("tunnel-stopped", "enough");
    controller.abort(reason);
    assert(await assertRejects(() => relayed, RForwardError) === reason);
    assertEquals(await receiveText(program), "");
    assertEquals([await isClosed(a), await isClosed(b)], [true, true]);
  });
}

for (
  const [how, endOf] of [
    ["directly", (channel: Channel): Duplex => channel],
    ["through its streams", ({ readable, writable }: Channel): Duplex => ({
      readable,
      writable,
    })],
  ] as const
) {
  Deno.test(`relay() delivers what came on a channel before its peer closed it, ${how}, to a slow program that keeps sending`, async () => {
    await using socket = await startSocket("unix");
    const [conn, program] = await socket.pair();
    using _program = program;
    using pair = channelPair();
    const ended = assertRejects(
      () => relay(endOf(pair.end), conn),
      RForwardError,
    );
    const data = new Uint8Array(1_000_000).map((_, i) => i % 251);
    const writer = pair.peer.writable.getWriter();
    await writer.write(data);
    pair.peer.close();
    assertEquals(await pair.end.closed, { reason: "closed" });

    // More than the way back holds: it must not stop the program from reading.
    const talking = send(program, new Uint8Array(3_000_000)).catch((error) =>
      error
    );
    assertEquals(await receive(program), data);
    const error = await ended;
    assertEquals(error.code, "channel-closed");
    assert(await isClosed(conn));
    await talking;
  });

  Deno.test(`relay() delivers what came on a channel before its peer closed it, ${how}, to a slow stream`, async () => {
    const program = streams();
    using pair = channelPair();
    const ended = assertRejects(
      () => relay(endOf(pair.end), program.end),
      RForwardError,
    );
    const data = new Uint8Array(1_000_000).map((_, i) => i % 251);
    await pair.peer.writable.getWriter().write(data);
    pair.peer.close();
    assertEquals(await pair.end.closed, { reason: "closed" });

    assertEquals(await new Response(program.received).bytes(), data);
    await ended;
  });
}

Deno.test("relay() lets the kernel deliver what it holds for a program that keeps sending and was not read to its end", async () => {
  await using socket = await startSocket("tcp");
  const [conn, program] = await socket.pair();
  using _program = program;
  using pair = channelPair();
  const ended = assertRejects(() => relay(pair.end, conn), RForwardError);
  const data = new Uint8Array(400_000).map((_, i) => i % 251);
  await pair.peer.writable.getWriter().write(data);
  const talking = send(program, new Uint8Array(3_000_000)).catch(() => {});
  pair.peer.close();
  // A socket that is closed with something unread drops what it still has to send.
  const pause = new AbortController();
  await Promise.race([ended, delay(100, undefined, pause).catch(() => {})]);
  pause.abort();

  const received = new Uint8Array(data.length);
  for (let n = 0; n < data.length;) {
    n += await program.read(received.subarray(n)) ?? data.length;
  }
  assertSameBytes(received, data);
  program.close();
  await talking;
  assertEquals((await ended).code, "channel-closed");
});

for (
  const [sent, seconds] of [
    [0, 2],
    [1_000_000, 2 + 10],
    [3_000_000, 2 + 30],
    [10_000_000, 2 + 41], // no more than the kernel holds
  ] as const
) {
  Deno.test(`relay() gives a program that was sent ${sent} bytes and keeps sending ${seconds} s to take them, once nothing comes back`, async () => {
    using clock = new VirtualClock();
    const error = new Error("gone");
    let isClosed = false;
    const program = {
      read: (p: Uint8Array) =>
        isClosed
          ? Promise.reject(new Deno.errors.BadResource())
          : Promise.resolve(p.length),
      write: (p: Uint8Array) => Promise.resolve(p.length),
      closeWrite: () => Promise.resolve(),
      close: () => isClosed = true,
    } as unknown as Deno.Conn;
    const chunk = new Uint8Array(100_000);
    const ended = assertRejects(() =>
      relay({
        readable: ReadableStream.from(Array(sent / chunk.length).fill(chunk)),
        writable: new WritableStream({ write: () => Promise.reject(error) }),
      }, program), Error);
    const ms = await clock.run(ended);
    assert(await ended === error);
    assert(isClosed);
    assertEquals(Math.floor(ms / 1000), seconds);
  });
}

Deno.test("relay() ends where a side takes no more and sends nothing, although the other side keeps sending", async () => {
  const error = new Error("takes no more");
  const incoming = new TransformStream<Uint8Array<ArrayBuffer>>();
  const ended = assertRejects(() =>
    relay(
      { readable: incoming.readable, writable: new WritableStream() },
      {
        readable: new ReadableStream(),
        writable: new WritableStream({ write: () => Promise.reject(error) }),
      },
    ), Error);
  const writer = incoming.writable.getWriter();
  for (let i = 0; i < 10; i++) await writer.write(bytes("more"));
  assert(await ended === error);
});

Deno.test("relay() delivers what a side sends although it does not take the other's end", async () => {
  const error = new Error("cannot end");
  const incoming = new TransformStream<Uint8Array<ArrayBuffer>>();
  const outgoing = new TransformStream<Uint8Array>();
  const ended = assertRejects(() =>
    relay({
      readable: new Blob([]).stream(),
      writable: outgoing.writable,
    }, {
      readable: incoming.readable,
      writable: new WritableStream({ close: () => Promise.reject(error) }),
    }), Error);
  const received = new Response(outgoing.readable).text().catch(String);
  const writer = incoming.writable.getWriter();
  for (let i = 0; i < 10; i++) await writer.write(bytes("."));
  await writer.close();
  assert(await ended === error);
  assertEquals(await received, "..........");
});

Deno.test("relay() waits no longer for a program that stopped reading than lingerMs, once the channel's peer has closed it", async () => {
  await using socket = await startSocket("unix");
  const [conn, program] = await socket.pair();
  using _program = program;
  using pair = channelPair();
  const ended = assertRejects(
    () => relay(pair.end, conn, { lingerMs: 10 }),
    RForwardError,
  );
  await pair.peer.writable.getWriter().write(new Uint8Array(1_000_000));
  pair.peer.close();
  await ended;
  assert(await isClosed(conn));
});

Deno.test("relay() delivers what came on a channel before the connection was lost", async () => {
  const program = streams();
  using pair = channelPair();
  const lost = new RForwardError("connection-lost", "gone");
  const ended = assertRejects(
    () => relay(pair.end, program.end),
    RForwardError,
  );
  const data = new Uint8Array(1_000_000).fill(7);
  const writer = pair.peer.writable.getWriter();
  await writer.write(data);
  await writer.close();
  await Promise.resolve(); // the messages are on their way
  pair.end.onConnectionEnd({ reason: "lost", error: lost }, lost);

  assertEquals(await new Response(program.received).bytes(), data);
  assert(await ended === lost);
});

Deno.test("relay() waits for no program once the connection is closed here", async () => {
  await using socket = await startSocket("unix");
  const [conn, program] = await socket.pair();
  using _program = program;
  using pair = channelPair();
  const closed = new RForwardError("connection-closed", "enough");
  const ended = assertRejects(() => relay(pair.end, conn), RForwardError);
  await pair.peer.writable.getWriter().write(new Uint8Array(1_000_000));
  pair.end.onConnectionEnd({ reason: "closed" }, closed);
  assert(await ended === closed);
  assert(await isClosed(conn));
});

Deno.test("relay() delivers what a program had answered when it closed its connection without reading the rest", async () => {
  await using socket = await startSocket("unix");
  const [conn, program] = await socket.pair();
  using pair = channelPair();
  let error: unknown;
  const ended = relay(pair.end, conn).catch((reason) => error = reason);
  // The channel's window and a part of the socket's buffer.
  const answer = new Uint8Array(1_200_000).map((_, i) => i % 251);
  await send(program, answer);
  const writer = pair.peer.writable.getWriter();
  await writer.write(new Uint8Array(1000));
  program.close();
  await writer.write(new Uint8Array(1000)).catch(() => {});

  assertEquals(await new Response(pair.peer.readable).bytes(), answer);
  // Programs that another test starts hold the socket open until they are
  // executed: it may have taken all, and may take even more.
  while (!error) {
    await writer.write(Uint8Array.of(1)).catch(() => {});
    await delay(1);
  }
  await ended;
  const { BrokenPipe, ConnectionReset } = Deno.errors;
  assert(error instanceof BrokenPipe || error instanceof ConnectionReset);
  assert(await isClosed(conn));
});

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
      assertEquals(await relayed, { bytesToB: 8, bytesToA: 6 });
    }
  },
);

serverTest(
  "sshd",
  "relay() continues where read() has begun",
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
    assertEquals(await relayed, { bytesToB: 5, bytesToA: 0 });
  },
);

/** Timers that fire one after the other, as soon as nothing else is to be done. */
class VirtualClock {
  readonly #original = { setTimeout, clearTimeout };
  readonly #timers = new Map<number, { at: number; callback: () => void }>();
  #now = 0;
  #id = 0;

  constructor() {
    globalThis.setTimeout = ((callback: () => void, ms: number) => {
      this.#timers.set(++this.#id, { at: this.#now + ms, callback });
      return this.#id;
    }) as unknown as typeof setTimeout;
    globalThis.clearTimeout = (id) => void this.#timers.delete(Number(id));
  }

  /** Runs until a promise settles; returns how many milliseconds that would have taken. */
  async run(until: Promise<unknown>): Promise<number> {
    let isOver = false;
    until.finally(() => isOver = true).catch(() => {});
    while (!isOver) {
      // All promises of this turn, however many they are.
      await new Promise((resolve) => setImmediate(resolve));
      const [next] = [...this.#timers].sort(([, a], [, b]) => a.at - b.at);
      if (isOver || !next) continue;
      const [id, { at, callback }] = next;
      this.#timers.delete(id);
      this.#now = at;
      callback();
    }
    return this.#now;
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, this.#original);
  }
}
