import { SocketEnd } from "../../src/streams/socket_end.ts";
import { assert, assertEquals } from "../assert.ts";

/** A connection that reads these pieces, then its end; it remembers where they were put. */
function connection(...pieces: string[]) {
  const rooms: ArrayBufferLike[] = [];
  let closed = 0;
  return {
    rooms,
    get closed() {
      return closed;
    },
    read(room: Uint8Array): Promise<number | null> {
      rooms.push(room.buffer);
      const piece = pieces.shift();
      if (piece === undefined) return Promise.resolve(null);
      return Promise.resolve(new TextEncoder().encodeInto(piece, room).written);
    },
    write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
    closeWrite: () => Promise.resolve(),
    close: () => void closed++,
  };
}

Deno.test("SocketEnd reads no more after its end, and closes once both directions have ended", async () => {
  const conn = connection("hello");
  const end = new SocketEnd(conn);
  assertEquals(
    new TextDecoder().decode(await end.lend() ?? undefined),
    "hello",
  );
  assertEquals([await end.lend(), await end.lend()], [null, null]);
  assertEquals([conn.rooms.length, conn.closed], [2, 0]);
  await end.end();
  assertEquals(conn.closed, 1);
});

Deno.test("SocketEnds share no buffer but of those that have ended", async () => {
  const [first, second, third] = [
    connection("a"),
    connection("b"),
    connection("c"),
  ];
  const [one, two] = [new SocketEnd(first), new SocketEnd(second)];
  await one.lend();
  await two.lend();
  assert(first.rooms[0] !== second.rooms[0]);
  await one.lend();
  const three = new SocketEnd(third);
  await three.lend();
  assertEquals(third.rooms[0], first.rooms[0]);
});
