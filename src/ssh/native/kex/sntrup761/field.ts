import { Q } from "./parameters.ts";

/**
 * A prime field, its elements in the range around zero, with what
 * {@linkcode reduce} needs to do without a division: those take a time that
 * depends on their operands.
 */
export interface Field {
  readonly modulus: number;
  /** `2^18` and `2^27` by the modulus, rounded. */
  readonly by18: number;
  readonly by27: number;
}

/** Integers modulo 3: -1, 0 and 1. */
export const F3 = field(3);
/** Integers modulo q: -2295 to 2295. */
export const FQ = field(Q);

function field(modulus: number): Field {
  return {
    modulus,
    by18: Math.round(2 ** 18 / modulus),
    by27: Math.round(2 ** 27 / modulus),
  };
}

/**
 * Reduces a number of at most 11 million, or 24,000 modulo 3, either sign, in
 * constant time: roughly first, then to the nearest multiple.
 */
export function reduce(x: number, { modulus, by18, by27 }: Field): number {
  x = x - Math.imul(modulus, Math.imul(by18, x) >> 18) | 0;
  return x - Math.imul(modulus, Math.imul(by27, x) + 0x4000000 >> 27) | 0;
}

/** `1 / x`, and 0 for 0, by Fermat's little theorem: the exponent is public. */
export function invert(x: number, field: Field): number {
  let result = 1;
  for (const bit of (field.modulus - 2).toString(2)) {
    result = reduce(Math.imul(result, result), field);
    if (bit === "1") result = reduce(Math.imul(result, x), field);
  }
  return result;
}
