import type { Mac } from "../../../src/ssh/cipher/mac.ts";
import { macs } from "../../../src/ssh/cipher/mac.ts";
import {
  type CipherKeys,
  LENGTH_SIZE,
  type PacketCipher,
} from "../../../src/ssh/cipher/packet_cipher.ts";
import { packetCiphers } from "../../../src/ssh/cipher/packet_ciphers.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { randomBytes, sealedByNative } from "../ssh2_crypto.ts";

interface Protection {
  name: string;
  cipherName: string;
  cipher: PacketCipher;
  mac: Mac | undefined;
}

/** Each cipher alone, or with each MAC. */
const all: Protection[] = [...packetCiphers].flatMap((
  [cipherName, cipher],
): Protection[] =>
  cipher.isAuthenticated
    ? [{ name: cipherName, cipherName, cipher, mac: undefined }]
    : [...macs].map(([macName, mac]) => ({
      name: `${cipherName} with ${macName}`,
      cipherName,
      cipher,
      mac,
    }))
);

function randomKeys({ cipher, mac }: Protection): CipherKeys {
  return {
    key: randomBytes(cipher.keySize),
    iv: randomBytes(cipher.ivSize),
    macKey: randomBytes(mac?.keySize ?? 0),
  };
}

/** A packet whose length field is right, with a body of that size. */
function packetOf(bodySize: number): Uint8Array<ArrayBuffer> {
  const packet = randomBytes(LENGTH_SIZE + bodySize);
  new DataView(packet.buffer).setUint32(0, bodySize);
  return packet;
}

function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function uint32(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

type Oracle = (
  sequence: number,
  packet: Uint8Array<ArrayBuffer>,
) => Promise<Uint8Array>;

/** The same by Web Crypto, or by npm:ssh2 where that has no such cipher; to be called packet by packet. */
function oracle(protection: Protection, keys: CipherKeys): Oracle {
  const { cipherName } = protection;
  if (cipherName.startsWith("chacha20")) {
    return (sequence, packet) =>
      Promise.resolve(sealedByNative(keys.key, sequence, packet));
  }
  return cipherName.includes("gcm")
    ? gcmOracle(keys)
    : ctrOracle(keys, protection.mac!);
}

function gcmOracle({ key, iv }: CipherKeys): Oracle {
  let count = 0n;
  return async (_sequence, packet) => {
    const nonce = iv.slice();
    const view = new DataView(nonce.buffer);
    view.setBigUint64(4, BigInt.asUintN(64, view.getBigUint64(4) + count++));
    const sealed = await crypto.subtle.encrypt(
      { name: "AES-GCM", iv: nonce, additionalData: packet.slice(0, 4) },
      await importKey(key, "AES-GCM"),
      packet.slice(4),
    );
    return concat(packet.subarray(0, 4), new Uint8Array(sealed));
  };
}

function ctrOracle({ key, iv, macKey }: CipherKeys, mac: Mac): Oracle {
  /** All that was encrypted so far: Web Crypto begins at the first block each time. */
  let before = new Uint8Array();
  const encrypt = async (plain: Uint8Array) => {
    const whole = concat(before, plain);
    const encrypted = await crypto.subtle.encrypt(
      { name: "AES-CTR", counter: iv.slice(), length: 128 },
      await importKey(key, "AES-CTR"),
      whole,
    );
    const start = before.length;
    before = whole;
    return new Uint8Array(encrypted).subarray(start);
  };
  const hash = { sha1: "SHA-1", sha256: "SHA-256", sha512: "SHA-512" }[
    mac.hash
  ];
  const tag = async (sequence: number, packet: Uint8Array) =>
    new Uint8Array(
      await crypto.subtle.sign(
        "HMAC",
        await crypto.subtle.importKey(
          "raw",
          macKey.slice(),
          { name: "HMAC", hash },
          false,
          ["sign"],
        ),
        concat(uint32(sequence), packet),
      ),
    );
  return async (sequence, packet) => {
    if (mac.isEncryptThenMac) {
      const body = await encrypt(packet.subarray(4));
      const sealed = concat(packet.subarray(0, 4), body);
      return concat(sealed, await tag(sequence, sealed));
    }
    return concat(await encrypt(packet), await tag(sequence, packet));
  };
}

function importKey(key: Uint8Array, name: string): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", key.slice(), name, false, ["encrypt"]);
}

/** Sizes that every cipher accepts: whole blocks, with and without the length. */
function bodySizes({ cipher, mac }: Protection): number[] {
  const { blockSize } = cipher;
  const first = mac?.isEncryptThenMac === false
    ? 2 * blockSize - LENGTH_SIZE
    : 2 * blockSize;
  return [0, 1, 2, 3, 100, 2047].map((blocks) => first + blocks * blockSize);
}

for (const protection of all) {
  const { name, cipher, mac } = protection;

  Deno.test(`${name} seals as the oracle does, and opens it again`, async () => {
    const keys = randomKeys(protection);
    const sealing = cipher.sealingKey(keys, mac);
    const opening = cipher.openingKey(keys, mac);
    const seal = oracle(protection, {
      key: keys.key.slice(),
      iv: keys.iv.slice(),
      macKey: keys.macKey.slice(),
    });
    keys.key.fill(0); // Keys copy what they are made from.
    keys.iv.fill(0);
    keys.macKey.fill(0);
    let sequence = 0xfffffffd;
    for (const size of bodySizes(protection)) {
      const packet = packetOf(size);
      const expected = await seal(sequence, packet);
      const out = new Uint8Array(packet.length + sealing.tagSize);
      const room = sealing.room?.subarray(0, packet.length) ??
        out.subarray(0, packet.length);
      room.set(packet);
      sealing.seal(sequence, room, out);
      assertEquals(out, new Uint8Array(expected));

      const head = out.subarray(0, opening.headSize);
      assertEquals(opening.openLength(sequence, head), size);
      const body = opening.open(sequence, out);
      assert(body);
      assertEquals(new Uint8Array(body), packet.subarray(LENGTH_SIZE));
      sequence = (sequence + 1) >>> 0;
    }
    sealing.wipe();
    opening.wipe();
  });

  Deno.test(`${name} does not open a packet with any bit changed, another number, or wiped keys`, () => {
    const keys = randomKeys(protection);
    const packet = packetOf(bodySizes(protection)[0]!);
    const sealing = cipher.sealingKey(keys, mac);
    const sealed = new Uint8Array(packet.length + sealing.tagSize);
    sealing.seal(7, packet, sealed);
    const open = (sequence: number, bytes: Uint8Array) => {
      const opening = cipher.openingKey(keys, mac);
      opening.openLength(sequence, bytes.subarray(0, opening.headSize));
      const body = opening.open(sequence, bytes);
      opening.wipe();
      return body !== undefined;
    };
    assert(open(7, sealed.slice()));
    for (let bit = 0; bit < sealed.length * 8; bit += 3) {
      const changed = sealed.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      assert(!open(7, changed), `bit ${bit}`);
    }
    if (!name.includes("gcm")) assert(!open(8, sealed.slice()));

    sealing.wipe();
    sealing.wipe(); // Idempotent.
    assertThrows(() => sealing.seal(8, packet, sealed), Error);
    const opening = cipher.openingKey(keys, mac);
    opening.wipe();
    assertThrows(() => opening.open(7, sealed), Error);
  });
}

Deno.test("AES-GCM does not open a packet out of its turn", () => {
  const gcm = all.filter(({ name }) => name.includes("gcm"));
  assertEquals(gcm.length, 2);
  for (const protection of gcm) {
    const keys = randomKeys(protection);
    const sealing = protection.cipher.sealingKey(keys, undefined);
    const opening = protection.cipher.openingKey(keys, undefined);
    const packet = packetOf(32);
    const sealed = [1, 2].map((sequence) => {
      const out = new Uint8Array(packet.length + sealing.tagSize);
      sealing.seal(sequence, packet, out);
      return out;
    });
    assert(opening.open(1, sealed[0]!));
    assertEquals(opening.open(2, sealed[0]!), undefined);
  }
});

Deno.test("aes192-ctr gives the key stream of NIST SP 800-38A, F.5.3", () => {
  const hex = (text: string) => Uint8Array.fromHex(text);
  const keys = {
    key: hex("8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b"),
    iv: hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"),
    macKey: new Uint8Array(32),
  };
  const sealing = packetCiphers.get("aes192-ctr")!
    .sealingKey(keys, macs.get("hmac-sha2-256"));
  const out = new Uint8Array(32 + 32);
  sealing.seal(
    0,
    hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"),
    out,
  );
  sealing.wipe();
  assertEquals(
    out.subarray(0, 32).toHex(),
    "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94",
  );
});

Deno.test("every cipher refuses a MAC key of another size, and AES-CTR to go without", () => {
  for (const { cipher, mac } of all) {
    if (!mac) continue;
    const keys = {
      key: new Uint8Array(cipher.keySize),
      iv: new Uint8Array(cipher.ivSize),
      macKey: new Uint8Array(mac.keySize - 1),
    };
    assertThrows(() => cipher.sealingKey(keys, mac), RangeError);
    assertThrows(() => cipher.openingKey(keys, undefined), TypeError);
  }
});
