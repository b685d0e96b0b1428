/**
 * Polynomials as bytes (NTRU Prime, round 3, section 3.1 and 3.2).
 *
 * @module
 */

import { P, Q } from "./parameters.ts";
import type { Polynomial } from "./polynomial.ts";

/** Bytes of a polynomial with coefficients of -1, 0 and 1. */
export const SMALL_SIZE = 191;
/** Bytes of one with coefficients modulo q. */
export const LARGE_SIZE = 1158;
/** Bytes of one with multiples of 3. */
export const ROUNDED_SIZE = 1007;

const HALF = (Q - 1) / 2;
/** The number of values of a coefficient that is a multiple of 3. */
const ROUNDED = (Q + 2) / 3;
/** While the range of a digit is larger, bytes are taken off it. */
const LIMIT = 16384;

/** Two bits a coefficient. */
export function encodeSmall(a: Polynomial): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SMALL_SIZE);
  for (let i = 0; i < P; i++) bytes[i >> 2]! |= a[i]! + 1 << 2 * (i & 3);
  return bytes;
}

/** The opposite of {@linkcode encodeSmall}, for bytes that we wrote. */
export function decodeSmall(bytes: Uint8Array): Polynomial {
  const a = new Int32Array(P);
  for (let i = 0; i < P; i++) a[i] = (bytes[i >> 2]! >> 2 * (i & 3) & 3) - 1;
  return a;
}

/** Coefficients modulo q. */
export function encodeLarge(a: Polynomial): Uint8Array<ArrayBuffer> {
  return encode(a.map((x) => x + HALF), Q, LARGE_SIZE);
}

/** The opposite of {@linkcode encodeLarge}; any bytes make a polynomial. */
export function decodeLarge(bytes: Uint8Array): Polynomial {
  return decode(bytes, Q).map((x) => x - HALF);
}

/** Coefficients that are multiples of 3. */
export function encodeRounded(a: Polynomial): Uint8Array<ArrayBuffer> {
  // (x + 2295) / 3, without a division
  const thirds = a.map((x) => Math.imul(x + HALF, 10923) >> 15);
  return encode(thirds, ROUNDED, ROUNDED_SIZE);
}

/** The opposite of {@linkcode encodeRounded}; any bytes make a polynomial. */
export function decodeRounded(bytes: Uint8Array): Polynomial {
  return decode(bytes, ROUNDED).map((x) => x * 3 - HALF);
}

/**
 * Digits of a mixed radix as bytes: pairs of digits become one, whose low
 * bytes are put out, until one is left. Branches depend on ranges alone.
 */
function encode(
  digits: Int32Array,
  range: number,
  size: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let at = 0;
  let ranges = new Array<number>(digits.length).fill(range);
  while (digits.length > 1) {
    const { pairs, odd } = pairUp(ranges);
    const next = new Int32Array(pairs.length + odd.length);
    pairs.forEach(({ bytes: count }, i) => {
      let digit = digits[2 * i]! +
          Math.imul(digits[2 * i + 1]!, ranges[2 * i]!) | 0;
      for (let n = 0; n < count; n++) {
        bytes[at++] = digit;
        digit >>>= 8;
      }
      next[i] = digit;
    });
    if (odd.length > 0) next[pairs.length] = digits[digits.length - 1]!;
    digits.fill(0);
    digits = next;
    ranges = [...pairs.map(({ range }) => range), ...odd];
  }
  for (let m = ranges[0]!; m > 1; m = m + 255 >> 8) {
    bytes[at++] = digits[0]!;
    digits[0]! >>= 8;
  }
  return bytes;
}

/**
 * The opposite of {@linkcode encode}, for bytes that are public: it divides.
 * Digits are taken modulo their ranges.
 */
function decode(bytes: Uint8Array, range: number): Int32Array {
  const levels = [new Array<number>(P).fill(range)];
  /** For each pair of each level: the low bytes, as a number. */
  const lows: number[][] = [];
  let at = 0;
  let ranges = levels[0]!;
  while (ranges.length > 1) {
    const { pairs, odd } = pairUp(ranges);
    lows.push(pairs.map(({ bytes: count }) => {
      let low = 0;
      for (let n = 0; n < count; n++) low += bytes[at++]! << 8 * n;
      return low;
    }));
    ranges = [...pairs.map(({ range }) => range), ...odd];
    levels.push(ranges);
  }
  let last = 0;
  for (let m = ranges[0]!, n = 0; m > 1; m = m + 255 >> 8, n++) {
    last += bytes[at++]! << 8 * n;
  }
  let digits = Int32Array.of(last % ranges[0]!);
  for (let level = lows.length - 1; level >= 0; level--) {
    const below = levels[level]!;
    const { pairs } = pairUp(below);
    const next = new Int32Array(below.length);
    pairs.forEach(({ bytes: count }, i) => {
      const whole = lows[level]![i]! + digits[i]! * 256 ** count;
      next[2 * i] = whole % below[2 * i]!;
      next[2 * i + 1] = Math.trunc(whole / below[2 * i]!) % below[2 * i + 1]!;
    });
    if (below.length % 2 === 1) next[below.length - 1] = digits.at(-1)!;
    digits = next;
  }
  return digits;
}

/** What becomes of each pair of ranges: one range, and the bytes that were taken off it. */
function pairUp(ranges: readonly number[]): {
  pairs: { range: number; bytes: number }[];
  odd: number[];
} {
  const pairs = [];
  for (let i = 0; i + 1 < ranges.length; i += 2) {
    let range = ranges[i]! * ranges[i + 1]!;
    let bytes = 0;
    for (; range >= LIMIT; range = range + 255 >> 8) bytes++;
    pairs.push({ range, bytes });
  }
  return { pairs, odd: ranges.length % 2 === 1 ? ranges.slice(-1) : [] };
}
