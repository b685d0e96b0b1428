import { FieldReader } from "../../../src/sftp/protocol/sftp_protocol.ts";
import { assertEquals, assertThrows } from "../../assert.ts";
import { attributes, concat, string, uint32, uint64 } from "../sftp_client.ts";

const { InvalidData } = Deno.errors;

Deno.test("PacketReader reads field by field, also in the middle of a buffer", () => {
  const bytes = concat(
    ...[Uint8Array.of(9, 9, 9, 7), uint32(2 ** 32 - 1), uint64(2 ** 40)],
    ...[string("täxt"), string(uint32(5)), string("")],
  ).subarray(3);
  const reader = new FieldReader(bytes);

  assertEquals(reader.uint8(), 7);
  assertEquals(reader.uint32(), 2 ** 32 - 1);
  assertEquals(reader.uint64(), 2 ** 40);
  assertEquals(reader.text(), "täxt");
  assertEquals(reader.handle(), 5);
  assertEquals(reader.bytes(), new Uint8Array());
  assertThrows(() => reader.uint8(), InvalidData);
});

Deno.test("PacketReader refuses what it cannot hold", () => {
  const read = (...fields: Uint8Array[]) => new FieldReader(concat(...fields));

  assertThrows(() => read(uint64(2n ** 53n)).uint64(), InvalidData);
  assertThrows(() => read(uint32(5), uint32(0)).bytes(), InvalidData);
  assertThrows(() => read(uint32(2 ** 32 - 1)).bytes(), InvalidData);
  assertThrows(() => read(string("abc")).handle(), InvalidData);
  assertThrows(() => read(string("abcde")).handle(), InvalidData);
  assertThrows(() => read(string("a\0b")).text(), InvalidData);
  assertThrows(() => read(string(Uint8Array.of(0xff))).text(), InvalidData);
});

Deno.test("PacketReader.attributes() reads the fields that are present", () => {
  const all = {
    size: 2 ** 33,
    owner: { uid: 1, gid: 2 },
    permissions: 0o644,
    times: { accessed: 3, modified: 4 },
  };
  for (
    const set of [
      {},
      all,
      { size: 1 },
      { permissions: 0o7777 },
      { owner: all.owner, times: all.times },
    ]
  ) {
    assertEquals(new FieldReader(attributes(set)).attributes(), set);
  }
  // A file's type is no permission.
  const typed = new FieldReader(attributes({ permissions: 0o100600 }));
  assertEquals(typed.attributes(), { permissions: 0o600 });
});
