import { assertEquals } from "../../../../assert.ts";
import {
  F3,
  FQ,
  invert,
  reduce,
} from "../../../../../src/ssh/native/kex/sntrup761/field.ts";

for (
  const [name, field, most] of [["q", FQ, 11_000_000], [
    "3",
    F3,
    24_000,
  ]] as const
) {
  Deno.test(`reduce() is right for every number modulo ${name}`, () => {
    const { modulus } = field;
    const half = (modulus - 1) / 2;
    let expected = -half;
    let start = -most;
    while (((start % modulus) + modulus) % modulus !== modulus - half) start++;
    for (let x = start; x <= most; x++) {
      if (reduce(x, field) !== expected) {
        assertEquals(reduce(x, field), expected, `${x}`);
      }
      if (++expected > half) expected = -half;
    }
  });

  Deno.test(`invert() inverts every element modulo ${name}`, () => {
    for (let x = 1; x <= (field.modulus - 1) / 2; x++) {
      assertEquals(reduce(x * invert(x, field), field), 1);
      assertEquals(reduce(-x * invert(-x, field), field), 1);
    }
    assertEquals(invert(0, field), 0);
  });
}
