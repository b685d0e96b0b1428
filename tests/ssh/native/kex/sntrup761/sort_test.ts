import { assertEquals } from "../../../../assert.ts";
import { sort } from "../../../../../src/ssh/native/kex/sntrup761/sort.ts";

Deno.test("sort() sorts numbers of any size and count", () => {
  for (const length of [1, 2, 3, 7, 8, 9, 100, 761, 1024]) {
    const random = crypto.getRandomValues(new Uint32Array(length));
    const sorted = random.slice();
    sort(sorted);
    assertEquals(sorted, random.sort());
  }
  const edges = Uint32Array.of(
    0xffffffff,
    0,
    0x80000000,
    0x7fffffff,
    1,
    0x80000000,
    0,
  );
  sort(edges);
  assertEquals(
    edges,
    Uint32Array.of(0, 0, 1, 0x7fffffff, 0x80000000, 0x80000000, 0xffffffff),
  );
});

Deno.test("sort() sorts all sequences of zeros and ones, and so all others", () => {
  for (const length of [2, 3, 5, 8, 11]) {
    for (let bits = 0; bits < 1 << length; bits++) {
      const numbers = Uint32Array.from({ length }, (_, i) => bits >> i & 1);
      const expected = numbers.slice().sort();
      sort(numbers);
      assertEquals(numbers, expected);
    }
  }
});
