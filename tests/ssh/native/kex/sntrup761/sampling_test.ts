import { assert, assertEquals } from "../../../../assert.ts";
import {
  P,
  W,
} from "../../../../../src/ssh/native/kex/sntrup761/parameters.ts";
import {
  randomShort,
  randomSmall,
} from "../../../../../src/ssh/native/kex/sntrup761/sampling.ts";

const random = (bytes: Uint8Array<ArrayBuffer>) => {
  crypto.getRandomValues(bytes);
};

Deno.test("randomShort() has 286 coefficients that are not zero, of either sign and anywhere", () => {
  const seen = Array.from({ length: P }, () => new Set<number>());
  for (let i = 0; i < 60; i++) {
    const short = randomShort(random);
    assertEquals(short.filter((x) => x !== 0).length, W);
    assert(short.every((x) => x >= -1 && x <= 1));
    short.forEach((x, at) => seen[at]!.add(x));
  }
  assert(seen.filter((values) => values.size === 3).length > 0.99 * P);
});

Deno.test("randomSmall() has each coefficient as often", () => {
  const counts = [0, 0, 0];
  for (let i = 0; i < 30; i++) {
    for (const x of randomSmall(random)) counts[x + 1]!++;
  }
  for (const count of counts) {
    assert(Math.abs(count - 30 * P / 3) < 600, `${counts}`);
  }
});
