import { assertEquals } from "../assert.ts";
import { markdown, median, table, unsteady } from "./report.ts";

Deno.test("median() is the middle, or the mean of the two in the middle", () => {
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(median([4, 1, 3, 2]), 2.5);
  assertEquals(median([]), NaN);
});

Deno.test("table() shows medians, and the first client in relation to the others", () => {
  const text = table("speed", ["to it, s", "CPU"], [
    { client: "ours", rounds: [[3, 1, 2], [0.5]] },
    { client: "theirs", rounds: [[4], [0.25]] },
    { client: "none", rounds: [[123.4], [NaN]] },
  ]);
  assertEquals(
    text,
    [
      "               to it       ",
      "speed              s    CPU",
      "ours            2.00  0.500",
      "theirs          4.00  0.250",
      "none             123      -",
      "ours / theirs  0.50x  2.00x",
      "ours / none    0.02x      -",
    ].join("\n"),
  );
});

const results = [
  { client: "ours", rounds: [[3, 1, 2], [NaN]] },
  { client: "theirs", rounds: [[4, 4, 4], [0.25]] },
];

Deno.test("markdown() has a line for each metric, with the range of its rounds and the ratio", () => {
  assertEquals(
    markdown("speed", ["to it, s", "CPU"], results),
    [
      "|  | ours | theirs |",
      "| --- | --- | --- |",
      "| speed: to it, s | 2.00 (1.00–3.00) | 4.00 (4.00–4.00), 0.50x |",
      "| speed: CPU | - | 0.250 (0.250–0.250), - |",
    ].join("\n"),
  );
});

Deno.test("unsteady() names what differed by more than twice between rounds", () => {
  assertEquals(unsteady("speed", ["to it, s", "CPU"], results), [
    "speed, ours, to it, s: 1.00 to 3.00",
  ]);
});
