import { Buffer } from "node:buffer";
import {
  ChaCha20Poly1305,
  MAX_LENGTH,
  TAG_SIZE,
} from "../../../src/ssh/cipher/chacha20_poly1305.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import {
  nativeDecipher,
  packetOf,
  randomBytes,
  randomSequence,
  sealedByNative,
} from "../ssh2_crypto.ts";

const key = Buffer.from(randomBytes(64));

function aeadOf(key: Uint8Array): ChaCha20Poly1305 {
  return new ChaCha20Poly1305(key.subarray(0, 32), key.subarray(32));
}

/** A packet with a random body and its length. */
function packet(length: number): Buffer {
  const packet = Buffer.from(randomBytes(4 + length));
  packet.writeUInt32BE(length);
  return packet;
}

function assertSame(actual: Uint8Array | undefined, expected: Uint8Array) {
  assert(actual);
  assertEquals(actual.length, expected.length);
  assert(Buffer.compare(actual, expected) === 0, "the bytes differ");
}

Deno.test("ChaCha20Poly1305 seals and opens what ssh2 does, at all lengths", () => {
  const aead = aeadOf(key);
  for (let length = 1; length <= 300; length++) {
    const sequence = randomSequence();
    const plain = packet(length);
    const sealed = sealedByNative(key, sequence, plain);

    assertSame(aead.seal(sequence, plain), sealed);
    assertEquals(
      aead.decryptLength(sequence, sealed.subarray(0, 4)),
      length,
    );
    assertSame(aead.open(sequence, sealed), plain.subarray(4));
  }
});

Deno.test("ChaCha20Poly1305 seals and opens what ssh2 does, up to 128 KiB", () => {
  for (let i = 0; i < 40; i++) {
    const key = randomBytes(64);
    const aead = aeadOf(key);
    const sequence = randomSequence();
    const plain = packet(1 + randomSequence() % (128 * 1024));
    const sealed = sealedByNative(key, sequence, plain);

    assertSame(aead.seal(sequence, plain), sealed);
    assertSame(aead.open(sequence, sealed), plain.subarray(4));
  }
});

Deno.test("ChaCha20Poly1305 uses the whole sequence number", () => {
  const aead = aeadOf(key);
  const plain = packet(40);
  const sequences = [0, 1, 255, 256, 65535, 65536, 0x80000000, 0xffffffff];
  for (const sequence of sequences) {
    const sealed = Uint8Array.from(aead.seal(sequence, plain));
    assertSame(sealed, sealedByNative(key, sequence, plain));
    for (const other of sequences) {
      assertEquals(aead.open(other, sealed) !== undefined, other === sequence);
    }
  }
});

Deno.test("ChaCha20Poly1305 takes the longest packet, and none that is longer or has no body", () => {
  const aead = aeadOf(key);
  const plain = packet(MAX_LENGTH);
  const sealed = Uint8Array.from(aead.seal(5, plain));
  assertSame(sealed, sealedByNative(key, 5, plain));
  assertSame(aead.open(5, sealed), plain.subarray(4));

  for (const size of [0, 4, MAX_LENGTH + 5]) {
    assertThrows(() => aead.seal(0, new Uint8Array(size)), RangeError);
  }
  for (const size of [0, 19, 20, MAX_LENGTH + 21]) {
    assertThrows(() => aead.open(0, new Uint8Array(size)), RangeError);
  }
});

Deno.test("ChaCha20Poly1305 opens nothing that was tampered with, be it in one bit", () => {
  const aead = aeadOf(key);
  const sealed = Uint8Array.from(aead.seal(9, packetOf(randomBytes(50))));
  for (let bit = 0; bit < 8 * sealed.length; bit++) {
    sealed[bit >> 3]! ^= 1 << (bit & 7);
    assertEquals(aead.open(9, sealed), undefined, `bit ${bit}`);
    sealed[bit >> 3]! ^= 1 << (bit & 7);
  }
  assert(aead.open(9, sealed));
});

Deno.test("ChaCha20Poly1305 opens nothing that is shorter or longer than it was", () => {
  const aead = aeadOf(key);
  const sealed = Uint8Array.from(aead.seal(9, packetOf(randomBytes(50))));
  for (let size = 4 + 1 + TAG_SIZE; size < sealed.length; size++) {
    assertEquals(aead.open(9, sealed.subarray(0, size)), undefined);
  }
  for (let more = 1; more < 40; more++) {
    const longer = new Uint8Array(sealed.length + more);
    longer.set(sealed);
    assertEquals(aead.open(9, longer), undefined);
  }
});

Deno.test("ChaCha20Poly1305 leaves no plaintext of an unauthentic packet behind", () => {
  const aead = aeadOf(key);
  const secret = packetOf(new Uint8Array(1000).fill(0x5a));
  const sealed = Uint8Array.from(aead.seal(9, secret));
  const { buffer } = aead.open(10, aead.seal(10, packet(5000)))!;
  sealed[sealed.length - 1]! ^= 1;

  assertEquals(aead.open(9, sealed), undefined);

  assertEquals(Buffer.from(buffer).includes(secret.subarray(5, 37)), false);
});

Deno.test("ChaCha20Poly1305 instances do not disturb one another", () => {
  const keys = [randomBytes(64), randomBytes(64)];
  const aeads = keys.map(aeadOf);
  for (let sequence = 0; sequence < 50; sequence++) {
    const plain = packet(100 + sequence);
    aeads.forEach((aead, i) =>
      assertSame(
        aead.seal(sequence, plain),
        sealedByNative(keys[i]!, sequence, plain),
      )
    );
  }
  aeads[0]!.free();
  const plain = packet(100);
  assertSame(aeads[1]!.seal(3, plain), sealedByNative(keys[1]!, 3, plain));
});

Deno.test("ChaCha20Poly1305 takes what is in its own memory", () => {
  const aead = aeadOf(key);
  const plain = packet(100);
  const sealed = aead.seal(3, plain);
  const opened = aead.open(3, sealed);
  assertSame(opened, plain.subarray(4));
});

Deno.test("ChaCha20Poly1305 copies its keys, and forgets them when it is freed", () => {
  const lent = Uint8Array.from(key);
  const aead = aeadOf(lent);
  lent.fill(0);
  const plain = packet(100);
  const sealed = Uint8Array.from(aead.seal(3, plain));
  assertSame(sealed, sealedByNative(key, 3, plain));
  const { buffer } = aead.seal(3, plain);

  aead.free();

  assertEquals(
    Buffer.from(buffer).includes(key.subarray(0, 32)) ||
      Buffer.from(buffer).includes(key.subarray(32)),
    false,
  );
  assertThrows(() => aead.seal(3, plain), TypeError);
  assertThrows(() => aead.open(3, sealed), TypeError);
  assertThrows(() => aead.decryptLength(3, sealed.subarray(0, 4)), TypeError);
});

Deno.test("ChaCha20Poly1305 takes keys of 32 bytes only", () => {
  for (const size of [0, 16, 31, 33, 64]) {
    const wrong = new Uint8Array(size);
    const right = new Uint8Array(32);
    assertThrows(() => new ChaCha20Poly1305(wrong, right), RangeError);
    assertThrows(() => new ChaCha20Poly1305(right, wrong), RangeError);
  }
});

Deno.test("ChaCha20Poly1305 seals what ssh2 opens, across the wrap of the sequence number", () => {
  const aead = aeadOf(key);
  const payloads: Buffer[] = [];
  const decipher = nativeDecipher(key, 0xfffffffe, (payload) => {
    payloads.push(Buffer.from(payload));
    return undefined;
  });
  const sent = [0xfffffffe, 0xffffffff, 0, 1].map((sequence) => {
    const payload = randomBytes(1 + randomSequence() % 500);
    const sealed = Uint8Array.from(aead.seal(sequence, packetOf(payload)));
    decipher.decrypt(sealed, 0, sealed.length);
    return Buffer.from(payload);
  });
  assertEquals(payloads, sent);
});
