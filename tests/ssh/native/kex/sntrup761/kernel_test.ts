import { assertEquals } from "../../../../assert.ts";
import {
  FQ,
  reduce,
} from "../../../../../src/ssh/native/kex/sntrup761/field.ts";
import { startKernel } from "../../../../../src/ssh/native/kex/sntrup761/kernel.ts";

const SIZE = 64;
/** Coefficients modulo q, the largest among them. */
const random = () => {
  const numbers = Int32Array.from(
    crypto.getRandomValues(new Uint16Array(SIZE)),
    (x) => x % 4591 - 2295,
  );
  numbers.set([2295, 2295, -2295, -2295, 0]);
  return numbers;
};

Deno.test("combine() swaps under a mask, and reduces as reduce() does", () => {
  const { words, combine } = startKernel();
  for (const swap of [0, -1]) {
    for (
      const [f0, g0] of [[1, 0], [2295, -2295], [-2295, 2295], [
        17,
        2295,
      ]] as const
    ) {
      const [a, b] = [random(), random()];
      b.set([2295, -2295, 2295, -2295, 0]);
      words.set(a);
      words.set(b, SIZE);
      combine(0, 4 * SIZE, 4 * SIZE, f0, g0, swap);

      const [first, second] = swap === 0 ? [a, b] : [b, a];
      assertEquals(words.slice(0, SIZE), first);
      assertEquals(
        words.slice(SIZE, 2 * SIZE),
        second.map((x, i) => reduce(f0 * x - g0 * first[i]!, FQ)),
      );
    }
  }
  words.fill(0);
});

Deno.test("addMultiple() adds at any word", () => {
  const { words, addMultiple } = startKernel();
  const [a, sum] = [random(), random()];
  words.set(a);
  words.set(sum, SIZE + 1);
  addMultiple(0, 4 * (SIZE + 1), 4 * SIZE, -1);

  assertEquals(
    words.slice(SIZE + 1, 2 * SIZE + 1),
    sum.map((x, i) => x - a[i]!),
  );
  assertEquals(words[2 * SIZE + 1], 0);
  words.fill(0);
});
