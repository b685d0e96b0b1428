import fc from "fast-check";
import { ProtocolError } from "../../src/errors.ts";
import { WireReader, WireWriter } from "../../src/ssh/wire.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { fuzz } from "../fuzz.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);

Deno.test("WireReader reads what WireWriter wrote", () => {
  const written = new WireWriter(1)
    .byte(7).boolean(true).uint32(0xfffffffe).uint64(2n ** 64n - 1n)
    .string(bytes(1, 2)).string("grüezi").mpint(bytes(0, 0, 0x80, 1))
    .nameList(["a", "b@c"]).nameList([]).raw(bytes(9, 9)).bytes();

  const reader = new WireReader(written);

  assertEquals(reader.byte(), 7);
  assertEquals(reader.boolean(), true);
  assertEquals(reader.uint32(), 0xfffffffe);
  assertEquals(reader.uint64(), 2n ** 64n - 1n);
  assertEquals(reader.string(), bytes(1, 2));
  assertEquals(reader.text(), "grüezi");
  assertEquals(reader.mpint(), bytes(0x80, 1));
  assertEquals(reader.nameList(), ["a", "b@c"]);
  assertEquals(reader.nameList(), []);
  assertEquals(reader.rest(), bytes(9, 9));
  reader.end();
});

/** The examples of RFC 4251 section 5. */
const MPINTS: [digits: string, wire: string][] = [
  ["", "00000000"],
  ["09a378f9b2e332a7", "0000000809a378f9b2e332a7"],
  ["80", "000000020080"],
];
for (const [digits, wire] of MPINTS) {
  Deno.test(`WireWriter and WireReader have the mpint ${wire} as RFC 4251 has it`, () => {
    const number = Uint8Array.fromHex(digits);
    assertEquals(new WireWriter().mpint(number).bytes().toHex(), wire);
    assertEquals(new WireReader(Uint8Array.fromHex(wire)).mpint(), number);
  });
}

const BAD_MPINTS: [what: string, wire: string][] = [
  ["negative", "00000002edcc"],
  ["with a superfluous zero", "000000020001"],
  ["zero written as a byte", "0000000100"],
  ["of more bits than allowed", "00000003010000"],
];
for (const [what, wire] of BAD_MPINTS) {
  Deno.test(`WireReader refuses an mpint that is ${what}`, () => {
    const reader = new WireReader(Uint8Array.fromHex(wire));
    assertThrows(() => reader.mpint(16), ProtocolError);
  });
}

Deno.test("WireReader takes an mpint of exactly as many bits as allowed", () => {
  const reader = new WireReader(Uint8Array.fromHex("00000003008000"));
  assertEquals(reader.mpint(16), bytes(0x80, 0));
});

Deno.test("WireReader throws a ProtocolError where a message is cut short, wherever that is", () => {
  const whole = new WireWriter().byte(1).boolean(false).uint32(2).uint64(3n)
    .string("four").mpint(bytes(5)).nameList(["six"]).bytes();
  const read = (message: Uint8Array) => {
    const reader = new WireReader(message);
    reader.byte();
    reader.boolean();
    reader.uint32();
    reader.uint64();
    reader.string();
    reader.mpint();
    reader.nameList();
  };
  read(whole);
  for (let size = 0; size < whole.length; size++) {
    assertThrows(() => read(whole.subarray(0, size)), ProtocolError);
  }
});

Deno.test("WireReader.end() refuses bytes that are left over", () => {
  assertThrows(() => new WireReader(bytes(1)).end(), ProtocolError);
});

fuzz(
  "WireReader never reads outside of its message",
  [fc.uint8Array({ maxLength: 64 }), fc.nat(16)],
  (message, before) => {
    // A view in the midst of other bytes.
    const room = new Uint8Array(message.length + 2 * before).fill(0xff);
    room.set(message, before);
    const view = room.subarray(before, before + message.length);
    for (const method of ["string", "mpint", "text", "nameList"] as const) {
      const outcomes = [message, view].map((bytes) => {
        try {
          const value = new WireReader(bytes)[method]();
          return value instanceof Uint8Array ? [...value] : value;
        } catch (error) {
          return (error as ProtocolError).message;
        }
      });
      assertEquals(outcomes[0], outcomes[1]);
    }
  },
);
