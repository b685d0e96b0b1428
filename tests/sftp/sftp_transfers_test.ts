import { MAX_DATA, Packet } from "../../src/sftp/protocol/sftp_protocol.ts";
import { type Transfer, transfers } from "../../src/sftp/sftp_transfers.ts";
import { assert, assertEquals } from "../assert.ts";
import { packet, string, uint32, uint64 } from "./sftp_client.ts";

const handle = (number: number) => string(uint32(number));
const withoutLength = (bytes: Uint8Array) => bytes.subarray(4);

const read = (id: number, file: number, offset: number, length: number) =>
  withoutLength(
    packet(
      Packet.read,
      uint32(id),
      handle(file),
      uint64(offset),
      uint32(length),
    ),
  );
const write = (id: number, file: number, offset: number, length: number) =>
  withoutLength(
    packet(
      Packet.write,
      uint32(id),
      handle(file),
      uint64(offset),
      string(new Uint8Array(length).fill(id)),
    ),
  );

/** What became of requests: of each transfer, the numbers in it. */
function merged(packets: Uint8Array[]): (number[] | "other")[] {
  return Array.from(
    transfers(packets),
    (step) =>
      step instanceof Uint8Array ? "other" : step.parts.map(({ id }) => id),
  );
}

Deno.test("transfers() merges what lies one behind the other in one file", () => {
  const [first, second] = transfers([
    write(1, 7, 100, 10),
    write(2, 7, 110, 5),
    read(3, 7, 0, 4),
    read(4, 7, 4, 4),
  ]);
  assert(first && second && !(first instanceof Uint8Array));
  const { type, offset, length, parts } = first;
  assertEquals([type, first.handle, offset, length], [
    Packet.write,
    7,
    100,
    15,
  ]);
  assertEquals(parts.map(({ id, data }) => [id, data.length]), [[1, 10], [
    2,
    5,
  ]]);
  const { parts: reads, length: total } = second as Transfer;
  assertEquals([total, reads.length], [8, 2]);
});

Deno.test("transfers() merges nothing else, and keeps the order", () => {
  const stat = withoutLength(packet(Packet.stat, uint32(9), string("x")));
  assertEquals(
    merged([
      write(1, 7, 0, 10),
      write(2, 8, 10, 10), // another file
      write(3, 8, 21, 10), // a gap
      write(4, 8, 20, 10), // going back
      read(5, 8, 30, 10), // another kind
      stat,
      read(6, 8, 40, 10), // behind something else
      read(7, 8, 50, 10),
    ]),
    [[1], [2], [3], [4], [5], "other", [6, 7]],
  );
});

Deno.test("transfers() bounds what it merges", () => {
  const big = Array.from(
    { length: 20 },
    (_, i) => read(i, 1, i * 32768, 32768),
  );
  for (const step of transfers(big)) {
    assert((step as Transfer).length <= MAX_DATA);
  }
  assertEquals(merged(big).flat().length, 20);

  const small = Array.from({ length: 200 }, (_, i) => read(i, 1, i, 1));
  assertEquals(merged(small).map((ids) => ids.length), [64, 64, 64, 8]);
});

Deno.test("transfers() cuts a READ to what fits a reply", () => {
  const [step] = transfers([read(1, 1, 0, 2 ** 32 - 1)]);
  assertEquals((step as Transfer).length, MAX_DATA);
});

Deno.test("transfers() passes on what is malformed", () => {
  const good = write(1, 7, 0, 3);
  for (let length = 1; length < good.length; length++) {
    assertEquals(merged([good.subarray(0, length)]), ["other"]);
  }
  const odd = withoutLength(
    packet(Packet.read, uint32(1), string("abc"), uint64(0), uint32(1)),
  );
  const far = withoutLength(
    packet(Packet.read, uint32(1), handle(1), uint64(2n ** 63n), uint32(1)),
  );
  assertEquals(merged([odd, far]), ["other", "other"]);
});
