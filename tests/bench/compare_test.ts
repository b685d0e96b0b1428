import { assertEquals } from "../assert.ts";
import { compare, comparisonTable, unmatched } from "./compare.ts";

const once = (median: number) => ({ median, rounds: [median] });

Deno.test("compare() holds ratios against ratios, not one machine's figures against another's", () => {
  const then = {
    rate: { ours: { speed: once(2), old: once(1) }, ssh: { speed: once(4) } },
  };
  const now = {
    rate: { ours: { speed: once(1), new: once(1) }, ssh: { speed: once(1) } },
    added: { ours: { speed: once(1) }, ssh: { speed: once(1) } },
  };
  assertEquals(compare(then, now), [
    { suite: "rate", peer: "ssh", metric: "speed", then: 0.5, now: 1 },
  ]);
  assertEquals(unmatched(then, now), ["rate, new", "added, speed"]);
});

Deno.test("comparisonTable() has what changed most in front", () => {
  const common = { suite: "rate", peer: "ssh" };
  assertEquals(
    comparisonTable([
      { ...common, metric: "a", then: 1, now: 1.1 },
      { ...common, metric: "b", then: 1, now: 0.5 },
    ]),
    "  0.50x  1.00 → 0.50  rate, b, to ssh\n" +
      "  1.10x  1.00 → 1.10  rate, a, to ssh",
  );
});
