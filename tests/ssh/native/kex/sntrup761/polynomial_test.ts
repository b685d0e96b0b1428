import { assert, assertEquals } from "../../../../assert.ts";
import { FQ } from "../../../../../src/ssh/native/kex/sntrup761/field.ts";
import { P } from "../../../../../src/ssh/native/kex/sntrup761/parameters.ts";
import {
  multiply,
  reciprocal,
} from "../../../../../src/ssh/native/kex/sntrup761/polynomial.ts";
import { randomShort } from "../../../../../src/ssh/native/kex/sntrup761/sampling.ts";

const random = (bytes: Uint8Array<ArrayBuffer>) => {
  crypto.getRandomValues(bytes);
};
const monomial = (power: number, factor = 1) =>
  Int32Array.from({ length: P }, (_, i) => i === power ? factor : 0);

Deno.test("multiply() takes x^p for x + 1", () => {
  const expected = monomial(0);
  expected[1] = 1;
  assertEquals(multiply(monomial(P - 1), monomial(1), FQ), expected);
  assertEquals(multiply(monomial(3), monomial(4, -1), FQ), monomial(7, -1));
});

Deno.test("multiply() does not overflow with the largest coefficients", () => {
  const a = new Int32Array(P).fill(2295);
  const b = new Int32Array(P).fill(-1);
  const exact = new Array<number>(P).fill(0);
  for (let i = 0; i < P; i++) {
    for (let j = 0; j < P; j++) {
      const power = i + j;
      for (const k of power < P ? [power] : [power - P, power - P + 1]) {
        exact[k]! += -2295;
      }
    }
  }
  const centred = (x: number) => ((x % 4591) + 4591 + 2295) % 4591 - 2295;
  assertEquals([...multiply(a, b, FQ)], exact.map(centred));
});

Deno.test("reciprocal() of a short polynomial gives 1 when multiplied by three times it", () => {
  for (let i = 0; i < 3; i++) {
    const f = randomShort(random);
    const inverse = reciprocal(f, 3);
    assert(inverse);
    assertEquals(
      multiply(multiply(inverse, f, FQ), monomial(0), FQ),
      monomial(0, -1530),
    );
  }
});
