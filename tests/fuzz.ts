import fc from "fast-check";

/** Inputs of each property: few among the other tests, many in `deno task fuzz`. */
const RUNS = Number(Deno.env.get("RFORWARD_FUZZ_RUNS") ?? 300);

/**
 * A test that a property holds for whatever comes in. Its name begins with
 * `fuzz:`, by which `deno task fuzz` finds it.
 *
 * @param arbitraries What the inputs are made by.
 * @param check Throws where the property does not hold.
 */
export function fuzz<T extends [unknown, ...unknown[]]>(
  name: string,
  arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> },
  check: (...inputs: T) => void,
): void {
  Deno.test(`fuzz: ${name}`, () => {
    fc.assert(fc.property(...arbitraries, check), { numRuns: RUNS });
  });
}
