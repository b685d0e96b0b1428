/**
 * Polynomials modulo `x^p - x - 1` with coefficients of a {@linkcode Field},
 * lowest power first. All of it takes a time that depends on sizes alone.
 *
 * @module
 */

import { type Field, FQ, invert, reduce } from "./field.ts";
import { LANES, startKernel } from "./kernel.ts";
import { P } from "./parameters.ts";

/** The coefficients, lowest power first. */
export type Polynomial = Int32Array;

/** Words for a polynomial, with room for what a kernel rounds up to. */
const WORDS = 768;

/**
 * A product.
 *
 * @param small Coefficients of -1, 0 and 1 alone, so that sums fit 32 bits.
 */
export function multiply(
  a: Polynomial,
  small: Polynomial,
  field: Field,
): Polynomial {
  const { words, addMultiple } = startKernel();
  const product = words.subarray(WORDS, WORDS + 2 * P + LANES);
  words.set(a);
  const size = 4 * roundUp(P);
  for (let i = 0; i < P; i++) addMultiple(0, 4 * (WORDS + i), size, small[i]!);
  // x^p = x + 1
  for (let i = 2 * P - 2; i >= P; i--) {
    product[i - P] = product[i - P]! + product[i]! | 0;
    product[i - P + 1] = product[i - P + 1]! + product[i]! | 0;
  }
  const result = new Int32Array(P);
  for (let i = 0; i < P; i++) result[i] = reduce(product[i]!, field);
  words.fill(0, 0, WORDS + 2 * WORDS);
  return result;
}

/**
 * `1 / (scale * a)` modulo q, or undefined if there is no such polynomial: the
 * constant number of division steps of Bernstein and Yang, "Fast constant-time
 * gcd computation and modular inversion", 2019.
 */
export function reciprocal(
  a: Polynomial,
  scale: number,
): Polynomial | undefined {
  const { words, combine } = startKernel();
  const [f, g, v, r] = [0, 1, 2, 3].map((place) =>
    words.subarray(place * WORDS, (place + 1) * WORDS)
  ) as [Int32Array, Int32Array, Int32Array, Int32Array];
  const at = (array: Int32Array) => array.byteOffset;
  const steps = 2 * P - 1;
  // Reversed: x^p - x - 1, and the polynomial.
  f[0] = 1;
  f[P - 1] = f[P] = -1;
  for (let i = 0; i < P; i++) g[P - 1 - i] = a[i]!;
  r[0] = invert(scale, FQ);
  let delta = 1;

  for (let step = 0; step < steps; step++) {
    v.copyWithin(1, 0, P);
    v[0] = 0;
    const swap = -delta >> 31 & nonzeroMask(g[0]!);
    delta = (delta ^ swap & (delta ^ -delta)) + 1;
    const change = swap & (f[0]! ^ g[0]!);
    const f0 = f[0]! ^ change;
    const g0 = g[0]! ^ change;
    // Of f and g, only as many coefficients matter as steps are left; v and r
    // have no more than steps were made.
    const left = 4 * roundUp(Math.min(P, steps - step) + 1);
    const made = 4 * roundUp(Math.min(P, step + 1) + 1);
    combine(at(f), at(g), left, f0, g0, swap);
    combine(at(v), at(r), made, f0, g0, swap);
    g.copyWithin(0, 1);
    g[P] = 0;
  }

  const result = new Int32Array(P);
  const factor = invert(f[0]!, FQ);
  for (let i = 0; i < P; i++) {
    result[i] = reduce(Math.imul(factor, v[P - 1 - i]!), FQ);
  }
  words.fill(0, 0, 4 * WORDS);
  return delta === 0 ? result : undefined;
}

function roundUp(count: number): number {
  return Math.ceil(count / LANES) * LANES;
}

/** All ones, or 0 for 0. */
export function nonzeroMask(x: number): number {
  return (x | -x) >> 31;
}
