/** How long one slice of work may hold the event loop, in milliseconds. */
const SLICE_MS = 8;
/** Bits of the exponent that one multiplication takes care of. */
const WINDOW = 4;

/**
 * `base ** exponent % modulus` with a fixed window of four bits, in slices
 * between which the event loop turns. The time does not depend on the
 * exponent's bits beyond what BigInt's own arithmetic shows.
 *
 * @param exponent Big endian.
 */
export async function modPow(
  base: bigint,
  exponent: Uint8Array,
  modulus: bigint,
): Promise<bigint> {
  const powers = [1n];
  for (let i = 1; i < 1 << WINDOW; i++) {
    powers.push(powers[i - 1]! * base % modulus);
  }
  let result = 1n;
  let sliceEnd = performance.now() + SLICE_MS;
  for (const byte of exponent) {
    for (const window of [byte >> WINDOW, byte & (1 << WINDOW) - 1]) {
      for (let i = 0; i < WINDOW; i++) result = result * result % modulus;
      result = result * powers[window]! % modulus;
    }
    if (performance.now() > sliceEnd) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      sliceEnd = performance.now() + SLICE_MS;
    }
  }
  return result;
}
