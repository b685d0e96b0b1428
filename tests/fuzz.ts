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
  check: (...inputs: T) => void | Promise<void>,
): void {
  Deno.test(`fuzz: ${name}`, async () => {
    const property = fc.asyncProperty(
      ...arbitraries,
      async (...inputs: T) => await check(...inputs),
    );
    await fc.assert(property, { numRuns: RUNS });
  });
}

/** Bytes that were something valid, with a few of them changed and the end perhaps cut off. */
export function damaged(
  valid: Uint8Array,
): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  const change = fc.tuple(fc.nat(valid.length - 1), fc.nat(255));
  return fc.tuple(
    fc.array(change, { maxLength: 4 }),
    fc.oneof(fc.constant(valid.length), fc.nat(valid.length)),
  ).map(([changes, size]) => {
    const bytes = new Uint8Array(valid);
    for (const [at, byte] of changes) bytes[at] = byte;
    return bytes.subarray(0, size);
  });
}

/** The same for a property that takes longer: `share` of the usual number of inputs. */
export function fuzzAsync<T extends [unknown, ...unknown[]]>(
  name: string,
  share: number,
  arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> },
  check: (...inputs: T) => Promise<void>,
): void {
  Deno.test(`fuzz: ${name}`, async () => {
    await fc.assert(fc.asyncProperty(...arbitraries, check), {
      numRuns: Math.ceil(RUNS * share),
    });
  });
}
