import { P } from "./parameters.ts";
import { nonzeroMask, type Polynomial } from "./polynomial.ts";

/** Words of 32 coefficients each. */
const WORDS = Math.ceil((P + 1) / 32);

/** Coefficients modulo 3 as bits: which are 1, and which are -1. */
interface Ternary {
  readonly plus: Int32Array;
  readonly minus: Int32Array;
}

/**
 * `1 / a` modulo 3, or undefined if there is no such polynomial: the same as
 * `reciprocal()`, with 32 coefficients at a time.
 */
export function reciprocal3(a: Polynomial): Polynomial | undefined {
  const f = ternary();
  const g = ternary();
  const v = ternary();
  const r = ternary();
  // Reversed: x^p - x - 1, and the polynomial.
  set(f, 0, 1);
  set(f, P - 1, -1);
  set(f, P, -1);
  for (let i = 0; i < P; i++) set(g, P - 1 - i, a[i]!);
  set(r, 0, 1);
  let delta = 1;

  for (let step = 0; step < 2 * P - 1; step++) {
    shiftUp(v);
    const swap = -delta >> 31 & nonzeroMask(get(g, 0));
    delta = (delta ^ swap & (delta ^ -delta)) + 1;
    const sign = -Math.imul(get(f, 0), get(g, 0));
    const plus = -(sign & 1 & ~(sign >> 31));
    const minus = sign >> 31;
    combine(f, g, swap, plus, minus);
    combine(v, r, swap, plus, minus);
    shiftDown(g);
  }

  const sign = get(f, 0);
  const result = new Int32Array(P);
  for (let i = 0; i < P; i++) result[i] = Math.imul(sign, get(v, P - 1 - i));
  for (const { plus, minus } of [f, g, v, r]) {
    plus.fill(0);
    minus.fill(0);
  }
  return delta === 0 ? result : undefined;
}

/** Swaps two polynomials under a mask, then adds the first to the second, itself, negated or not at all. */
function combine(
  a: Ternary,
  b: Ternary,
  swap: number,
  plus: number,
  minus: number,
): void {
  for (let i = 0; i < WORDS; i++) {
    let aPlus = a.plus[i]!;
    let aMinus = a.minus[i]!;
    let bPlus = b.plus[i]!;
    let bMinus = b.minus[i]!;
    const plusChange = swap & (aPlus ^ bPlus);
    const minusChange = swap & (aMinus ^ bMinus);
    a.plus[i] = aPlus ^= plusChange;
    a.minus[i] = aMinus ^= minusChange;
    bPlus ^= plusChange;
    bMinus ^= minusChange;
    const addPlus = aPlus & plus | aMinus & minus;
    const addMinus = aMinus & plus | aPlus & minus;
    const noAdd = ~(addPlus | addMinus);
    const none = ~(bPlus | bMinus);
    b.plus[i] = bPlus & noAdd | addPlus & none | addMinus & bMinus;
    b.minus[i] = bMinus & noAdd | addMinus & none | addPlus & bPlus;
  }
}

/** Multiplies by x. */
function shiftUp({ plus, minus }: Ternary): void {
  for (const bits of [plus, minus]) {
    for (let i = WORDS - 1; i > 0; i--) {
      bits[i] = bits[i]! << 1 | bits[i - 1]! >>> 31;
    }
    bits[0]! <<= 1;
  }
}

/** Divides by x. */
function shiftDown({ plus, minus }: Ternary): void {
  for (const bits of [plus, minus]) {
    for (let i = 0; i < WORDS - 1; i++) {
      bits[i] = bits[i]! >>> 1 | bits[i + 1]! << 31;
    }
    bits[WORDS - 1] = bits[WORDS - 1]! >>> 1;
  }
}

function ternary(): Ternary {
  return { plus: new Int32Array(WORDS), minus: new Int32Array(WORDS) };
}

function get({ plus, minus }: Ternary, at: number): number {
  const bit = at & 31;
  return (plus[at >> 5]! >>> bit & 1) - (minus[at >> 5]! >>> bit & 1);
}

/** Sets a coefficient that is 0. */
function set({ plus, minus }: Ternary, at: number, value: number): void {
  const bit = at & 31;
  plus[at >> 5]! |= (value & ~(value >> 31)) << bit;
  minus[at >> 5]! |= (value >> 31 & 1) << bit;
}
