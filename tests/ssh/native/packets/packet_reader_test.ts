import fc from "fast-check";
import { concat } from "../../../../src/streams/concat.ts";
import { ProtocolError } from "../../../../src/errors.ts";
import { macs } from "../../../../src/ssh/cipher/mac.ts";
import { packetCiphers } from "../../../../src/ssh/cipher/packet_ciphers.ts";
import {
  MacError,
  PacketReader,
} from "../../../../src/ssh/native/packets/packet_reader.ts";
import { PacketWriter } from "../../../../src/ssh/native/packets/packet_writer.ts";
import { StreamOutput } from "../../../../src/ssh/native/packets/stream_output.ts";
import { assert, assertEquals, assertThrows } from "../../../assert.ts";
import { fuzz } from "../../../fuzz.ts";
import { randomBytes } from "../../ssh2_crypto.ts";

/** What packets can be protected by. */
const protections = [
  undefined,
  ["chacha20-poly1305@openssh.com", ""],
  ["aes256-gcm@openssh.com", ""],
  ["aes128-ctr", "hmac-sha2-256-etm@openssh.com"],
  ["aes256-ctr", "hmac-sha2-512"],
] as const;
type Protection = (typeof protections)[number];

/** The same keys for both directions, so that one opens what the other seals. */
function keysOf([cipherName, macName]: NonNullable<Protection>) {
  const cipher = packetCiphers.get(cipherName)!;
  const mac = macs.get(macName);
  const keys = {
    key: new Uint8Array(cipher.keySize).fill(1),
    iv: new Uint8Array(cipher.ivSize).fill(2),
    macKey: new Uint8Array(mac?.keySize ?? 0).fill(3),
  };
  return {
    sealing: () => cipher.sealingKey(keys, mac),
    opening: () => cipher.openingKey(keys, mac),
  };
}

/** Packets of those messages, as they go over the wire. */
function packetsOf(
  messages: readonly Uint8Array[],
  protection: Protection,
): Uint8Array {
  const written: Uint8Array[] = [];
  const output = new StreamOutput({
    read: () => Promise.resolve(null),
    write: (bytes) => Promise.resolve(bytes.length),
    closeWrite: () => Promise.resolve(),
    close() {},
  }, { onProgress() {}, onError() {} });
  const reserve = output.reserve.bind(output);
  output.reserve = (size) => {
    const room = reserve(size);
    written.push(room);
    return room;
  };
  const writer = new PacketWriter(output);
  if (protection) {
    writer.setKey(keysOf(protection).sealing(), { resetSequence: false });
  }
  const packets = messages.map((message) => {
    writer.write(message);
    return written.at(-1)!.slice();
  });
  writer.wipe();
  output.stop();
  return concat(...packets);
}

function newReader(protection: Protection): PacketReader {
  const reader = new PacketReader();
  if (protection) {
    reader.setKey(keysOf(protection).opening(), {
      resetSequence: false,
    });
  }
  return reader;
}

/** Reads bytes in pieces of those sizes, in turn; returns copies of the messages. */
function readAll(
  reader: PacketReader,
  bytes: Uint8Array,
  sizes: readonly number[] = [bytes.length],
): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const room = reader.room();
    const size = sizes[i % sizes.length]!;
    const part = bytes.subarray(at, at + Math.min(size, room.length));
    room.set(part);
    reader.advance(part.length);
    at += part.length;
    for (let message; (message = reader.next());) {
      messages.push(message.slice());
    }
  }
  return messages;
}

const anyProtection = fc.constantFrom(...protections);

fuzz(
  "PacketReader takes what PacketWriter wrote, in whatever pieces it comes",
  [
    anyProtection,
    fc.array(fc.uint8Array({ minLength: 1, maxLength: 500 }), {
      minLength: 1,
      maxLength: 8,
    }),
    fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }),
  ],
  (protection, messages, sizes) => {
    const reader = newReader(protection);
    const read = readAll(reader, packetsOf(messages, protection), sizes);
    reader.wipe();
    assertEquals(read, messages.map((message) => new Uint8Array(message)));
  },
);

fuzz(
  "PacketReader throws nothing but a ProtocolError for any bytes",
  [
    anyProtection,
    fc.uint8Array({ maxLength: 300 }),
    fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1 }),
  ],
  (protection, bytes, sizes) => {
    const reader = newReader(protection);
    try {
      readAll(reader, bytes, sizes);
    } catch (error) {
      assert(error instanceof ProtocolError, String(error));
    } finally {
      reader.wipe();
    }
  },
);

fuzz(
  "PacketReader opens no packet that was changed in one bit, nor any after it",
  [
    fc.constantFrom(...protections.slice(1)),
    fc.uint8Array({ minLength: 1, maxLength: 100 }),
    fc.nat(),
  ],
  (protection, message, where) => {
    const first = packetsOf([message], protection);
    const bytes = packetsOf([message, message], protection);
    const bit = where % (first.length * 8);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    const reader = newReader(protection);
    try {
      // A length that was changed may have it wait for more than there is.
      assertEquals(readAll(reader, bytes), []);
    } catch (error) {
      assert(error instanceof ProtocolError, String(error));
    } finally {
      reader.wipe();
    }
  },
);

/** A packet without encryption. */
function plainPacket(length: number, padding: number): Uint8Array {
  const packet = new Uint8Array(4 + Math.min(length, 300_000));
  const view = new DataView(packet.buffer);
  view.setUint32(0, length);
  packet[4] = padding;
  packet[5] = 2;
  return packet;
}

Deno.test("PacketReader refuses lengths that cannot be, as soon as it sees them", () => {
  const wrong = [0, 1, 4, 5, 8, 11, 13, 27, 262144, 262149, 2 ** 32 - 4];
  for (const length of wrong) {
    const reader = new PacketReader();
    const head = plainPacket(length, 4).subarray(0, 4);
    assertThrows(() => readAll(reader, head), ProtocolError);
    assert(reader.room().length <= 16 * 1024, `${length}`);
  }
});

Deno.test("PacketReader refuses padding of less than 4 bytes, or that leaves no message", () => {
  for (const padding of [0, 3, 11, 12, 255]) {
    const reader = new PacketReader();
    const packet = plainPacket(12, padding);
    assertThrows(() => readAll(reader, packet), ProtocolError);
  }
  for (const padding of [4, 10]) {
    const [message] = readAll(new PacketReader(), plainPacket(12, padding));
    assertEquals(message!.length, 11 - padding);
  }
});

Deno.test("PacketReader takes the largest packet, and its buffer grows no larger", () => {
  const reader = new PacketReader();
  const largest = plainPacket(256 * 1024 - 4, 4);
  const [message] = readAll(reader, largest, [50_000]);
  assertEquals(message!.length, largest.length - 4 - 1 - 4);
  assertEquals(reader.room().length, largest.length);
  const room = reader.room();
  reader.advance(room.length);
  assertEquals(reader.room().length, 0);
});

Deno.test("PacketReader reads more at once, up to 128 KiB, while reads fill its buffer", () => {
  const reader = new PacketReader();
  const packets = packetsOf(
    Array.from({ length: 300 }, () => randomBytes(1000)),
    undefined,
  );
  const rooms: number[] = [];
  for (let at = 0; at < packets.length;) {
    const room = reader.room();
    rooms.push(room.length);
    const part = packets.subarray(at, at + room.length);
    room.set(part);
    reader.advance(part.length);
    at += part.length;
    while (reader.next());
  }
  const KIB = 1024;
  assert(rooms[0] === 16 * KIB && rooms[1]! > 31 * KIB, `${rooms}`);
  assert(rooms[2]! > 63 * KIB && rooms[3]! > 127 * KIB, `${rooms}`);
  assert(rooms.every((room) => room <= 128 * KIB), `${rooms}`);
});

Deno.test("PacketReader says with a MacError that a packet is not authentic", () => {
  for (const protection of protections.slice(1)) {
    const bytes = packetsOf([randomBytes(40)], protection);
    bytes[bytes.length - 1]! ^= 1;
    const reader = newReader(protection);
    assertThrows(() => readAll(reader, bytes), MacError);
    reader.wipe();
  }
});

Deno.test("PacketReader counts packets and bytes for its keys, and numbers packets", () => {
  const reader = new PacketReader();
  const packets = packetsOf([randomBytes(20), randomBytes(50)], undefined);
  readAll(reader, packets);
  assertEquals(reader.use, { packets: 2, bytes: packets.length });
  assertEquals(reader.lastSequence, 1);
});

Deno.test("PacketReader takes lines before packets, and none that is too long", () => {
  const reader = new PacketReader();
  const text = new TextEncoder().encode("one\r\ntwo\n\nSSH-2.0-x\r\nrest");
  reader.room().set(text);
  reader.advance(text.length);
  const line = () => {
    const bytes = reader.line(10);
    return bytes && new TextDecoder().decode(bytes);
  };
  assertEquals(line(), "one");
  assertEquals(line(), "two");
  assertEquals(line(), "");
  assertEquals(line(), "SSH-2.0-x");
  assertEquals(line(), undefined);
  assertThrows(() => reader.line(3), ProtocolError);
});
