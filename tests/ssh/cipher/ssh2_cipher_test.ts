import { Buffer } from "node:buffer";
import { Ssh2Cipher } from "../../../src/ssh/cipher/ssh2_cipher.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import {
  nativeCipher,
  nativeDecipher,
  randomBytes,
  sealedByNative,
} from "../ssh2_crypto.ts";

const key = randomBytes(64);

/** Ours, in the place of one that ssh2 made, with copies of what it writes. */
function collecting(seqno = 0) {
  const written: Buffer[] = [];
  const cipher = new Ssh2Cipher(
    nativeCipher(key, seqno, (data) => written.push(Buffer.from(data))),
  );
  return { cipher, written };
}

/** Does what ssh2 does to send a payload. */
function send(cipher: Ssh2Cipher, payload: Uint8Array): void {
  const packet = cipher.allocPacket(payload.length);
  packet.set(payload, 5);
  cipher.encrypt(packet);
}

Deno.test("Ssh2Cipher.allocPacket() lays a packet out as ssh2 does", () => {
  const { cipher } = collecting();
  const native = nativeCipher(key, 0, () => {});
  for (let size = 0; size <= 300; size++) {
    const ours = cipher.allocPacket(size);
    const theirs = native.allocPacket(size);
    assertEquals(ours.length, theirs.length);
    assertEquals(ours.subarray(0, 5), theirs.subarray(0, 5));
    assert(ours[4]! >= 4 && (ours.length - 4) % 8 === 0);
  }
});

Deno.test("Ssh2Cipher.allocPacket() pads with random bytes", () => {
  const { cipher } = collecting();
  const paddings = new Set<string>();
  for (let i = 0; i < 20; i++) {
    const packet = cipher.allocPacket(10);
    paddings.add(packet.subarray(15).toString("hex"));
    cipher.encrypt(packet);
  }
  assertEquals(paddings.size, 20);
});

Deno.test("Ssh2Cipher.encrypt() writes what ssh2 would, in one piece a packet", () => {
  const { cipher, written } = collecting(0xffffffff); // the sequence number wraps
  const native: Buffer[] = [];
  for (const [i, size] of [0, 1, 11, 32_768, 3, 100_000].entries()) {
    const packet = cipher.allocPacket(size);
    packet.set(randomBytes(size), 5);
    native.push(sealedByNative(key, (0xffffffff + i) >>> 0, packet));
    cipher.encrypt(packet);
  }
  assertEquals(written.length, 6);
  assert(written.every((data, i) => data.equals(native[i]!)));
  assertEquals(cipher.outSeqno, 5);
});

Deno.test("Ssh2Cipher.encrypt() writes what ssh2 opens", () => {
  const { cipher, written } = collecting(3);
  const sent = [0, 1, 2, 50, 8000, 40_000, 5].flatMap((size) => {
    const payload = randomBytes(size);
    send(cipher, payload);
    // ssh2 takes no more than 35000 bytes.
    return size < 35_000 ? [Buffer.from(payload)] : [];
  });
  const opened: Buffer[] = [];
  let seqno = 3;
  for (const packet of written) {
    if (packet.length < 35_000) {
      nativeDecipher(key, seqno, (payload) => {
        opened.push(Buffer.from(payload));
        return undefined;
      }).decrypt(packet, 0, packet.length);
    }
    seqno++;
  }
  assertEquals(opened, sent);
});

Deno.test("Ssh2Cipher keeps packets apart that are filled at the same time", () => {
  const { cipher, written } = collecting();
  const payloads = [40, 30, 2000].map(randomBytes);
  const packets = payloads.map((payload) => {
    const packet = cipher.allocPacket(payload.length);
    packet.set(payload, 5);
    return packet;
  });
  packets.forEach((packet, i) => {
    const payload = payloads[i]!;
    assertEquals(
      packet.toString("hex", 5, 5 + payload.length),
      payload.toHex(),
    );
  });
  const expected = packets.map((packet, i) => sealedByNative(key, i, packet));
  for (const packet of packets) cipher.encrypt(packet);
  assertEquals(written, expected);
});

Deno.test("Ssh2Cipher.encrypt() follows ssh2 where that resets the sequence number", () => {
  const { cipher, written } = collecting(77);
  const packet = Buffer.from(cipher.allocPacket(10));
  cipher.encrypt(packet);
  cipher.outSeqno = 0;
  cipher.encrypt(packet);
  assertEquals(written, [
    sealedByNative(key, 77, packet),
    sealedByNative(key, 0, packet),
  ]);
});

Deno.test("Ssh2Cipher goes on after a packet that is too long", () => {
  const { cipher, written } = collecting();
  assertThrows(() => send(cipher, new Uint8Array(300_000)), RangeError);
  const packet = Buffer.from(cipher.allocPacket(10));
  cipher.encrypt(packet);
  assertEquals(written, [sealedByNative(key, 0, packet)]);
});

Deno.test("Ssh2Cipher.free() makes it write nothing more", () => {
  const { cipher, written } = collecting();
  cipher.free();
  send(cipher, randomBytes(10));
  assertEquals(written, []);
});
