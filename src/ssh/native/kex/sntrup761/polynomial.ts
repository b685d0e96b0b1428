/**
 * Polynomials modulo `x^p - x - 1` with coefficients of a {@linkcode Field},
 * lowest power first. All of it takes a time that depends on sizes alone.
 *
 * @module
 */

import { type Field, FQ, invert, reduce } from "./field.ts";
import { P } from "./parameters.ts";

/** The coefficients, lowest power first. */
export type Polynomial = Int32Array;

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
  const product = new Int32Array(2 * P - 1);
  for (let i = 0; i < P; i++) {
    const factor = small[i]!;
    for (let j = 0; j < P; j++) {
      product[i + j] = product[i + j]! + Math.imul(a[j]!, factor) | 0;
    }
  }
  // x^p = x + 1
  for (let i = 2 * P - 2; i >= P; i--) {
    product[i - P] = product[i - P]! + product[i]! | 0;
    product[i - P + 1] = product[i - P + 1]! + product[i]! | 0;
  }
  const result = new Int32Array(P);
  for (let i = 0; i < P; i++) result[i] = reduce(product[i]!, field);
  product.fill(0);
  return result;
}

/**
 * `1 / (scale * a)` modulo q, or undefined if there is no such polynomial: the
 * constant number of division steps of Bernstein and Yang, "Fast constant-time gcd
 * computation and modular inversion", 2019.
 */
export function reciprocal(
  a: Polynomial,
  scale: number,
): Polynomial | undefined {
  const steps = 2 * P - 1;
  // Reversed: x^p - x - 1, and the polynomial.
  const f = new Int32Array(P + 1);
  const g = new Int32Array(P + 1);
  f[0] = 1;
  f[P - 1] = f[P] = -1;
  for (let i = 0; i < P; i++) g[P - 1 - i] = a[i]!;
  const v = new Int32Array(P + 1);
  const r = new Int32Array(P + 1);
  r[0] = invert(scale, FQ);
  let delta = 1;

  for (let step = 0; step < steps; step++) {
    v.copyWithin(1, 0, P);
    v[0] = 0;
    const swap = -delta >> 31 & nonzeroMask(g[0]!);
    delta = (delta ^ swap & (delta ^ -delta)) + 1;
    const swapped = swap & (f[0]! ^ g[0]!);
    const f0 = f[0]! ^ swapped;
    const g0 = g[0]! ^ swapped;
    // Of f and g, only as many coefficients matter as steps are left; v and r
    // have no more than steps were made.
    combine(f, g, f0, g0, swap, Math.min(P, steps - step));
    combine(v, r, f0, g0, swap, Math.min(P, step + 1));
    g.copyWithin(0, 1);
    g[P] = 0;
  }

  const result = new Int32Array(P);
  const factor = invert(f[0]!, FQ);
  for (let i = 0; i < P; i++) {
    result[i] = reduce(Math.imul(factor, v[P - 1 - i]!), FQ);
  }
  for (const secret of [f, g, v, r]) secret.fill(0);
  return delta === 0 ? result : undefined;
}

/** Swaps two polynomials under a mask, then sets `b = f0 * b - g0 * a`, up to a power. */
function combine(
  a: Int32Array,
  b: Int32Array,
  f0: number,
  g0: number,
  swap: number,
  last: number,
): void {
  for (let i = 0; i <= last; i++) {
    let ai = a[i]!;
    let bi = b[i]!;
    const difference = swap & (ai ^ bi);
    ai ^= difference;
    bi ^= difference;
    a[i] = ai;
    b[i] = reduce(Math.imul(f0, bi) - Math.imul(g0, ai) | 0, FQ);
  }
}

/** All ones, or 0 for 0. */
export function nonzeroMask(x: number): number {
  return (x | -x) >> 31;
}
