const P = 2n ** 130n - 5n;
const CLAMP = 0x0ffffffc0ffffffc0ffffffc0fffffffn;

/** Poly1305 as RFC 8439 section 2.5.1 writes it down. */
export function poly1305Oracle(
  key: Uint8Array,
  message: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const r = number(key.subarray(0, 16)) & CLAMP;
  const s = number(key.subarray(16, 32));
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    const block = message.subarray(at, at + 16);
    const above = 1n << BigInt(8 * block.length);
    sum = (sum + number(block) + above) * r % P;
  }
  const tag = sum + s;
  return Uint8Array.from(
    { length: 16 },
    (_, i) => Number(tag >> BigInt(8 * i) & 0xffn),
  );
}

/** Of little-endian bytes. */
function number(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => sum << 8n | BigInt(byte), 0n);
}
