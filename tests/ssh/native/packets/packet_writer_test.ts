import type { SealingKey } from "../../../../src/ssh/cipher/packet_cipher.ts";
import { PacketWriter } from "../../../../src/ssh/native/packets/packet_writer.ts";
import { StreamOutput } from "../../../../src/ssh/native/packets/stream_output.ts";
import { assert, assertEquals } from "../../../assert.ts";

/** Keeps the packets that it is given to seal. */
class RecordingKey implements SealingKey {
  readonly tagSize = 3;
  readonly sealed: { sequence: number; packet: Uint8Array }[] = [];
  isWiped = false;

  constructor(readonly blockSize: number, readonly padsLength: boolean) {}

  seal(sequence: number, packet: Uint8Array): void {
    this.sealed.push({ sequence, packet: packet.slice() });
  }

  wipe(): void {
    this.isWiped = true;
  }
}

function newWriter(): PacketWriter {
  const output = new StreamOutput({
    read: () => Promise.resolve(null),
    write: (bytes) => Promise.resolve(bytes.length),
    closeWrite: () => Promise.resolve(),
    close() {},
  }, { onProgress() {}, onError() {} });
  return new PacketWriter(output);
}

Deno.test("PacketWriter pads to whole blocks with 4 bytes at least, with and without the length", () => {
  for (const blockSize of [8, 16]) {
    for (const padsLength of [true, false]) {
      const key = new RecordingKey(blockSize, padsLength);
      const writer = newWriter();
      writer.setKey(key, { resetSequence: false });
      for (let size = 1; size <= 100; size++) {
        writer.write(new Uint8Array(1), new Uint8Array(size - 1));
        const { packet } = key.sealed.at(-1)!;
        const padding = packet[4]!;
        assertEquals(packet.length, 5 + size + padding);
        assertEquals(
          new DataView(packet.buffer).getUint32(0),
          packet.length - 4,
        );
        const padded = packet.length - (padsLength ? 0 : 4);
        assertEquals(padded % blockSize, 0);
        assert(padding >= 4 && padding < 4 + blockSize);
      }
    }
  }
});

Deno.test("PacketWriter continues its sequence numbers with new keys, or resets them under strict key exchange", () => {
  const writer = newWriter();
  const keys = [1, 2, 3].map(() => new RecordingKey(8, false));
  const message = new Uint8Array(20);
  writer.write(message);
  keys.forEach((key, i) => {
    writer.setKey(key, { resetSequence: i === 2 });
    writer.write(message);
    writer.write(message);
  });
  assertEquals(
    keys.map(({ sealed }) => sealed.map(({ sequence }) => sequence)),
    [[1, 2], [3, 4], [0, 1]],
  );
});

Deno.test("PacketWriter wipes keys that it replaces, and resets the counters of their use", () => {
  const writer = newWriter();
  const [first, second] = [
    new RecordingKey(8, false),
    new RecordingKey(8, false),
  ];
  writer.setKey(first, { resetSequence: true });
  writer.write(new Uint8Array(20));
  assertEquals(writer.use, { packets: 1, bytes: 4 + 32 + 3 });
  writer.setKey(second, { resetSequence: true });
  assert(first.isWiped && !second.isWiped);
  assertEquals(writer.use, { packets: 0, bytes: 0 });
  writer.wipe();
  assert(second.isWiped);
});

Deno.test("PacketWriter pads with bytes that differ from packet to packet", () => {
  const writer = newWriter();
  const key = new RecordingKey(16, false);
  writer.setKey(key, { resetSequence: true });
  for (let i = 0; i < 1000; i++) writer.write(new Uint8Array(1));
  const paddings = key.sealed.map(({ packet }) => packet.slice(6).toHex());
  assertEquals(new Set(paddings).size, 1000);
});
