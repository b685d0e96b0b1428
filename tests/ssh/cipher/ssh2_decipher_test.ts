import { Buffer } from "node:buffer";
import { MAX_LENGTH } from "../../../src/ssh/cipher/chacha20_poly1305.ts";
import { Ssh2Decipher } from "../../../src/ssh/cipher/ssh2_decipher.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertThrows,
} from "../../assert.ts";
import {
  nativeDecipher,
  packetOf,
  randomBytes,
  sealedByNative,
} from "../ssh2_crypto.ts";

const key = randomBytes(64);

/** Ours, in the place of one that ssh2 made. */
function decipherAt(
  seqno: number,
  onPayload: (payload: Buffer) => number | false | undefined,
): Ssh2Decipher {
  return new Ssh2Decipher(nativeDecipher(key, seqno, onPayload));
}

/** Ours, that collects copies of its payloads. */
function collecting(seqno = 0) {
  const payloads: Buffer[] = [];
  const decipher = decipherAt(seqno, (payload) => {
    payloads.push(Buffer.from(payload));
    return undefined;
  });
  return { decipher, payloads };
}

/** Packets with these payloads, one after the other, as ssh2 encrypts them. */
function sealed(payloads: Uint8Array[], seqno = 0): Buffer<ArrayBuffer> {
  return Buffer.concat(
    payloads.map((payload, i) =>
      sealedByNative(key, (seqno + i) >>> 0, packetOf(payload))
    ),
  );
}

/** What ssh2 says of a packet that is not authentic; its length may show it first. */
const REFUSED = /^(Bad packet length|Invalid MAC)$/;

/** The message of what is thrown. */
function failure(work: () => unknown): string {
  return assertThrows(work, Error).message;
}

Deno.test("Ssh2Decipher.decrypt() hands over the payloads of a stream that is split anywhere", () => {
  const sent = [0, 1, 30, 2, 17].map((size) => Buffer.from(randomBytes(size)));
  const stream = sealed(sent);
  for (let split = 0; split <= stream.length; split++) {
    const { decipher, payloads } = collecting();
    assertEquals(
      decipher.decrypt(Buffer.from(stream.subarray(0, split)), 0, split),
      undefined,
    );
    // With something around it, as the offsets of ssh2 allow.
    const rest = Buffer.concat([
      Buffer.alloc(3),
      stream.subarray(split),
      Buffer.alloc(3),
    ]);
    decipher.decrypt(rest, 3, rest.length - 3);
    assertEquals(payloads, sent, `split at ${split}`);
  }
});

Deno.test("Ssh2Decipher.decrypt() hands over the payloads of a stream in pieces of any size", () => {
  const sent = [5, 300, 40_000, 3, 1000].map((size) =>
    Buffer.from(randomBytes(size))
  );
  const stream = sealed(sent, 0xfffffffe); // the sequence number wraps
  for (const size of [1, 2, 3, 5, 7, 64, 1000, 4096, 65536]) {
    const { decipher, payloads } = collecting(0xfffffffe);
    for (let at = 0; at < stream.length; at += size) {
      const piece = Buffer.from(stream.subarray(at, at + size));
      decipher.decrypt(piece, 0, piece.length);
      piece.fill(0); // it keeps nothing of what it was given
    }
    assertEquals(payloads, sent, `pieces of ${size}`);
    assertEquals(decipher.inSeqno, 3);
  }
});

Deno.test("Ssh2Decipher.decrypt() leaves what it is given as it was", () => {
  const stream = sealed([randomBytes(100), randomBytes(20_000)]);
  const given = Buffer.from(stream);
  collecting().decipher.decrypt(given, 0, given.length);
  assert(Buffer.compare(given, stream) === 0);
});

Deno.test("Ssh2Decipher.decrypt() hands over payloads that may be kept, but for channel data", () => {
  const kept: Buffer[] = [];
  const decipher = decipherAt(0, (payload) => {
    kept.push(payload);
    return undefined;
  });
  const message = (type: number) => Buffer.alloc(500, type);
  const [ignore, data, extended] = [2, 94, 95].map(message);
  const stream = sealed([ignore!, data!, extended!, message(2)]);
  decipher.decrypt(stream, 0, stream.length);

  assertEquals(kept[0], ignore);
  assert(Buffer.compare(kept[1]!, data!) !== 0, "it was copied for nothing");
  assertEquals(kept[2], extended);
});

Deno.test("Ssh2Decipher.decrypt() refuses every bit that is not as it was sent", () => {
  const packet = sealed([randomBytes(20)]);
  for (let bit = 0; bit < 8 * packet.length; bit++) {
    const { decipher, payloads } = collecting();
    const tampered = Buffer.from(packet);
    tampered[bit >> 3]! ^= 1 << (bit & 7);
    // A length that became larger is only found wrong once so much has come.
    const stream = Buffer.concat([tampered, Buffer.alloc(MAX_LENGTH + 20)]);
    const said = failure(() => decipher.decrypt(stream, 0, stream.length));
    assertMatch(said, REFUSED);
    if (bit >= 32) assertEquals(said, "Invalid MAC");
    assertEquals(payloads, []);
  }
});

Deno.test("Ssh2Decipher.decrypt() refuses a wrong tag at every place that the packet is split", () => {
  const packet = sealed([randomBytes(20)]);
  packet[packet.length - 1]! ^= 1;
  for (let split = 0; split < packet.length; split++) {
    const { decipher, payloads } = collecting();
    decipher.decrypt(Buffer.from(packet.subarray(0, split)), 0, split);
    const rest = Buffer.from(packet.subarray(split));
    assertEquals(
      failure(() => decipher.decrypt(rest, 0, rest.length)),
      "Invalid MAC",
    );
    assertEquals(payloads, []);
  }
});

Deno.test("Ssh2Decipher.decrypt() refuses lengths that no packet has", () => {
  const lengths = [
    ...[0, 1, 4, 7, 9, 12, 15],
    ...[MAX_LENGTH + 8, 0x7ffffff8, 0x80000000, 0xfffffff8, 0xffffffff],
  ];
  for (const length of lengths) {
    for (const split of [0, 1, 2, 3]) {
      const { decipher } = collecting();
      const packet = packetOf(randomBytes(60));
      packet.writeUInt32BE(length);
      const stream = sealedByNative(key, 0, packet);
      decipher.decrypt(stream, 0, split);
      assertEquals(
        failure(() => decipher.decrypt(stream, split, stream.length)),
        "Bad packet length",
        `${length}`,
      );
    }
  }
});

Deno.test("Ssh2Decipher.decrypt() takes packets up to OpenSSH's limit", () => {
  const { decipher, payloads } = collecting();
  const payload = randomBytes(MAX_LENGTH - 12);
  const packet = packetOf(payload);
  assert(packet.length - 4 <= MAX_LENGTH);
  const stream = sealedByNative(key, 0, packet);
  decipher.decrypt(stream, 0, stream.length);
  assert(Buffer.compare(payloads[0]!, payload) === 0);
});

Deno.test("Ssh2Decipher.decrypt() refuses padding that is longer than the packet", () => {
  const { decipher, payloads } = collecting();
  const packet = packetOf(randomBytes(10));
  packet[4] = packet.length - 4;
  const stream = sealedByNative(key, 0, packet);
  assertEquals(
    failure(() => decipher.decrypt(stream, 0, stream.length)),
    "Bad padding length",
  );
  assertEquals(payloads, []);
});

Deno.test("Ssh2Decipher.decrypt() refuses packets that come again, or in another order", () => {
  const stream = sealed([randomBytes(10), randomBytes(10)]);
  const size = stream.length / 2;
  const again = collecting().decipher;
  again.decrypt(stream, 0, size);
  assertMatch(failure(() => again.decrypt(stream, 0, size)), REFUSED);
  const second = collecting().decipher;
  assertMatch(failure(() => second.decrypt(stream, size, 2 * size)), REFUSED);
});

Deno.test("Ssh2Decipher.decrypt() stops where its handler says", () => {
  const stream = sealed([randomBytes(10), randomBytes(10), randomBytes(10)]);
  const size = stream.length / 3;
  const results: (number | false | undefined)[] = [undefined, false, 12345];
  const decipher = decipherAt(0, () => results.shift());
  assertEquals(decipher.decrypt(stream, 0, stream.length), 2 * size);
  assertEquals(decipher.decrypt(stream, 2 * size, stream.length), 12345);
});

Deno.test("Ssh2Decipher.decrypt() follows ssh2 where that changes handler and sequence number", () => {
  const decipher = decipherAt(7, () => {
    decipher.inSeqno = 0;
    decipher._onPayload = (payload) => {
      second = Buffer.from(payload);
      return undefined;
    };
    return undefined;
  });
  let second: Buffer | undefined;
  const payload = randomBytes(30);
  const stream = Buffer.concat([
    sealed([randomBytes(30)], 7),
    sealed([payload], 0),
  ]);
  decipher.decrypt(stream, 0, stream.length);
  assertEquals(second, Buffer.from(payload));
  assertEquals(decipher.inSeqno, 1);
});

Deno.test("Ssh2Decipher.free() ends what goes on, and what comes after is not looked at", () => {
  const taken: number[] = [];
  const decipher = decipherAt(0, (payload) => {
    taken.push(payload.length);
    decipher.free();
    return undefined;
  });
  const stream = sealed([randomBytes(10), randomBytes(20)]);
  assertEquals(decipher.decrypt(stream, 0, stream.length), undefined);
  assertEquals(decipher.decrypt(stream, 0, stream.length), undefined);
  assertEquals(taken, [10]);
});

Deno.test("Ssh2Decipher.decrypt() takes whole packets after one that came in pieces", () => {
  const { decipher, payloads } = collecting();
  const sent = [randomBytes(9000), randomBytes(10)];
  const stream = sealed(sent);
  decipher.decrypt(Buffer.from(stream.subarray(0, 5000)), 0, 5000);
  decipher.decrypt(Buffer.from(stream.subarray(5000)), 0, stream.length - 5000);
  assertEquals(payloads, sent.map((payload) => Buffer.from(payload)));
});
