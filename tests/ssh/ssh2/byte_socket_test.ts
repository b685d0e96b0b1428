import {
  ByteSocket,
  type SocketReader,
} from "../../../src/ssh/ssh2/byte_socket.ts";
import type { ByteStream } from "../../../src/streams/byte_stream.ts";
import { assert, assertEquals } from "../../assert.ts";

/** A stream that accepts as much of each write as the test says, and never sends anything. */
function sink(takes: (offered: number) => number = (offered) => offered) {
  const writes: Uint8Array[] = [];
  const ended = Promise.withResolvers<void>();
  const stream: ByteStream = {
    read: () => ended.promise.then(() => null),
    async write(bytes) {
      await Promise.resolve();
      const taken = Uint8Array.from(bytes.subarray(0, takes(bytes.length)));
      writes.push(taken);
      return taken.length;
    },
    closeWrite: () => Promise.resolve(ended.resolve()),
    close: () => ended.resolve(),
  };
  return {
    socket: new ByteSocket(stream),
    writes,
    /** All that was written, in one piece. */
    written: () => Uint8Array.from(writes.flatMap((bytes) => [...bytes])),
  };
}

/** Reads with `onData`. */
function reader(onData: SocketReader["onData"] = () => {}): SocketReader {
  return { onData, onEnd() {} };
}

async function end(socket: ByteSocket): Promise<void> {
  socket.start(reader());
  socket.end();
  await socket.closed;
}

Deno.test("ByteSocket.write() copies, and writes in one piece what one task hands over", async () => {
  const { socket, writes } = sink();
  const lent = new Uint8Array(3);
  for (let i = 1; i <= 4; i++) socket.write(lent.fill(i));
  socket.write(Uint8Array.of(0xc3, 0xa9));
  lent.fill(9);
  await end(socket);
  assertEquals(writes, [
    Uint8Array.of(1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 0xc3, 0xa9),
  ]);
});

Deno.test("ByteSocket.write() keeps order and all bytes when the stream takes little at a time", async () => {
  const { socket, writes, written } = sink((offered) =>
    Math.min(offered, 7001)
  );
  const sent: number[] = [];
  for (let i = 0; i < 60; i++) {
    const piece = new Uint8Array(i * 37).map((_, at) => i + at);
    sent.push(...piece);
    socket.write(piece);
    if (i % 7 === 0) await Promise.resolve(); // some come while it writes
  }
  await end(socket);
  assert(writes.length > 5);
  assertEquals(written(), Uint8Array.from(sent));
});

Deno.test("ByteSocket.drained() settles once what was written has gone out", async () => {
  const { socket, written } = sink();
  const piece = new Uint8Array(64 * 1024);
  let sent = 0;
  while (!socket.congested) {
    socket.write(piece);
    sent += piece.length;
  }
  assertEquals(written().length, 0);
  await socket.drained();
  assertEquals(socket.congested, false);
  assertEquals(written().length, sent);
  await end(socket);
});

Deno.test("ByteSocket.destroy() drops what is queued, and wakes who waits for room", async () => {
  const { socket, writes } = sink();
  socket.write(new Uint8Array(1024 * 1024));
  const drained = socket.drained();
  socket.destroy();
  await drained;
  await socket.closed;
  assertEquals(writes, []);
  socket.write(Uint8Array.of(1));
  assertEquals(writes, []);
});

Deno.test("ByteSocket reads no more while too much waits for the other side to take it", async () => {
  const greeting = new TextEncoder().encode("SSH-2.0-x\r\n");
  const taking = Promise.withResolvers<void>();
  let reads = 0;
  const socket = new ByteSocket({
    async read(p) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      p.set(greeting);
      return ++reads && greeting.length;
    },
    write: (p) => taking.promise.then(() => p.length),
    closeWrite: () => Promise.resolve(),
    close: () => {},
  });
  const answer = new Uint8Array(100_000);
  socket.start(reader(() => socket.write(answer)));
  for (let before = -1; before !== reads && reads < 1000;) {
    before = reads;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert(reads < 200, `${reads} reads`);

  taking.resolve();
  const before = reads;
  while (reads === before) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  socket.destroy();
  await socket.closed;
  // The read under way has an end too.
  await new Promise((resolve) => setTimeout(resolve, 10));
});

Deno.test("ByteSocket never uses memory again that it has given away", async () => {
  const ROUNDS = 40, SIZE = 60_000;
  let round = 0;
  const socket = new ByteSocket({
    read(p) {
      if (round === ROUNDS) return Promise.resolve(null);
      p.subarray(0, SIZE).fill(++round);
      return Promise.resolve(SIZE);
    },
    write: (p) => Promise.resolve(p.length),
    closeWrite: () => Promise.resolve(),
    close() {},
  });
  const seen: Uint8Array[] = [];
  socket.start(reader((chunk) => seen.push(chunk)));
  await socket.closed;

  assertEquals(seen.length, ROUNDS);
  for (const [i, chunk] of seen.entries()) {
    assert(chunk.every((byte) => byte === i + 1), `${i}`);
  }
});
