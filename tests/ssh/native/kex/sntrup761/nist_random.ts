import { createCipheriv } from "node:crypto";

/**
 * The generator that known answers of NIST's competition were made with: AES-256
 * in counter mode (NIST SP 800-90A, CTR_DRBG without a derivation function).
 * Every draw of up to 16 bytes is followed by new keys.
 *
 * @param seed The 48 bytes that the answers name.
 * @param draw Bytes that the implementation which made them drew at a time.
 */
export function nistRandom(
  seed: Uint8Array,
): (bytes: Uint8Array, draw?: number) => void {
  let key = new Uint8Array(32);
  let counter = 0n;

  const blocks = (count: number) => {
    const input = new DataView(new ArrayBuffer(16 * count));
    for (let i = 0; i < count; i++) {
      counter = BigInt.asUintN(128, counter + 1n);
      input.setBigUint64(16 * i, counter >> 64n);
      input.setBigUint64(16 * i + 8, BigInt.asUintN(64, counter));
    }
    const cipher = createCipheriv("aes-256-ecb", key, null);
    const output = cipher.update(new Uint8Array(input.buffer));
    cipher.final(); // Deno holds it until then
    return new Uint8Array(output);
  };
  const update = (input: Uint8Array) => {
    const state = blocks(3).map((byte, i) => byte ^ input[i]!);
    key = state.slice(0, 32);
    counter = BigInt(`0x${state.slice(32).toHex()}`);
  };
  update(seed);

  const nothing = new Uint8Array(48);
  return (bytes, draw = bytes.length) => {
    for (let start = 0; start < bytes.length; start += draw) {
      const part = bytes.subarray(start, start + draw);
      const count = Math.ceil(part.length / 16);
      part.set(blocks(count).subarray(0, part.length));
      update(nothing);
    }
  };
}
