/** A block of SHA-1, in bytes. */
const BLOCK = 64;

const schedule = new Int32Array(80);
const inner = new Int32Array(5);
const outer = new Int32Array(5);
const padded = new Uint8Array(BLOCK);
const digest = new Uint8Array(20);

/**
 * HMAC-SHA1 (RFC 2104, FIPS 180-4) of a short message, for hashed host names in
 * known_hosts: neither the key nor the message is a secret. A file may have
 * 100,000s of them, and an `Hmac` of `node:crypto` takes 9 µs each, most of
 * which is spent on the object; this takes 1 µs.
 *
 * @param key At most 64 bytes.
 */
export function hmacSha1(key: Uint8Array, message: Uint8Array): Uint8Array {
  padded.fill(0);
  padded.set(key);
  begin(inner, padded, 0x36);
  begin(outer, padded, 0x5c);
  finish(inner, message, digest);
  const mac = new Uint8Array(20);
  finish(outer, digest, mac);
  return mac;
}

/** Begins a hash with the key, each byte XORed with `pad`. */
function begin(state: Int32Array, key: Uint8Array, pad: number): void {
  state[0] = 0x67452301;
  state[1] = 0xefcdab89;
  state[2] = 0x98badcfe;
  state[3] = 0x10325476;
  state[4] = 0xc3d2e1f0;
  const word = pad * 0x01010101;
  for (let i = 0; i < 16; i++) schedule[i] = readWord(key, 4 * i) ^ word;
  compress(state);
}

/** Hashes the message that follows the key. */
function finish(
  state: Int32Array,
  message: Uint8Array,
  digest: Uint8Array,
): void {
  const blocks = Math.ceil((message.length + 9) / BLOCK);
  const text = blocks === 1 ? padded.fill(0) : new Uint8Array(blocks * BLOCK);
  text.set(message);
  text[message.length] = 0x80;
  const bits = 8 * (BLOCK + message.length);
  for (let block = 0; block < blocks; block++) {
    for (let i = 0; i < 16; i++) {
      schedule[i] = readWord(text, BLOCK * block + 4 * i);
    }
    if (block === blocks - 1) schedule[15] = bits;
    compress(state);
  }
  for (let i = 0; i < 20; i++) {
    digest[i] = state[i >> 2]! >>> (24 - 8 * (i & 3));
  }
}

function readWord(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 |
    bytes[at + 3]!;
}

/**
 * FIPS 180-4 section 6.1.2, of the first 16 words of the schedule. One loop for
 * each of its functions, and sums cut to 32 bits, are four times as fast as one
 * loop that chooses.
 */
function compress(state: Int32Array): void {
  const w = schedule;
  for (let t = 16; t < 80; t++) {
    const x = w[t - 3]! ^ w[t - 8]! ^ w[t - 14]! ^ w[t - 16]!;
    w[t] = x << 1 | x >>> 31;
  }
  let a = state[0]!, b = state[1]!, c = state[2]!, d = state[3]!;
  let e = state[4]!;
  let t = 0;
  for (; t < 20; t++) {
    const f = (b & c | ~b & d) + 0x5a827999 | 0;
    const next = ((a << 5 | a >>> 27) + f | 0) + (e + w[t]! | 0) | 0;
    e = d, d = c, c = b << 30 | b >>> 2, b = a, a = next;
  }
  for (; t < 40; t++) {
    const f = (b ^ c ^ d) + 0x6ed9eba1 | 0;
    const next = ((a << 5 | a >>> 27) + f | 0) + (e + w[t]! | 0) | 0;
    e = d, d = c, c = b << 30 | b >>> 2, b = a, a = next;
  }
  for (; t < 60; t++) {
    const f = (b & c | b & d | c & d) - 0x70e44324 | 0;
    const next = ((a << 5 | a >>> 27) + f | 0) + (e + w[t]! | 0) | 0;
    e = d, d = c, c = b << 30 | b >>> 2, b = a, a = next;
  }
  for (; t < 80; t++) {
    const f = (b ^ c ^ d) - 0x359d3e2a | 0;
    const next = ((a << 5 | a >>> 27) + f | 0) + (e + w[t]! | 0) | 0;
    e = d, d = c, c = b << 30 | b >>> 2, b = a, a = next;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  state[4]! += e;
}
