import { assert, assertEquals } from "../../../../assert.ts";
import { F3 } from "../../../../../src/ssh/native/kex/sntrup761/field.ts";
import { P } from "../../../../../src/ssh/native/kex/sntrup761/parameters.ts";
import { multiply } from "../../../../../src/ssh/native/kex/sntrup761/polynomial.ts";
import { reciprocal3 } from "../../../../../src/ssh/native/kex/sntrup761/reciprocal3.ts";
import { randomSmall } from "../../../../../src/ssh/native/kex/sntrup761/sampling.ts";

const one = Int32Array.from({ length: P }, (_, i) => i === 0 ? 1 : 0);

Deno.test("reciprocal3() times its argument is 1, where a reciprocal exists", () => {
  let found = 0;
  for (let i = 0; i < 20; i++) {
    const g = randomSmall((bytes) => {
      crypto.getRandomValues(bytes);
    });
    const inverse = reciprocal3(g);
    if (inverse === undefined) continue;
    found++;
    assertEquals(multiply(inverse, g, F3), one);
  }
  assert(found > 10);
  assertEquals(reciprocal3(new Int32Array(P)), undefined);
  assertEquals(reciprocal3(one), one);
  assertEquals(reciprocal3(one.map((x) => -x)), one.map((x) => -x));
});
