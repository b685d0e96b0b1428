import { assert, assertEquals } from "../assert.ts";
import { plot } from "./plot.ts";

Deno.test("plot() draws a curve with its points, from the lower left, and escapes names", () => {
  const svg = plot({
    ...{ title: "speed", xLabel: "ms", yLabel: "MB/s" },
    curves: [{ name: "a < b", points: [{ x: 0, y: 0 }, { x: 100, y: 40 }] }],
  });
  assert(svg.includes('<path d="M60 350L510 40"'));
  assertEquals(svg.match(/<circle/g)?.length, 2);
  assert(svg.includes(">a &lt; b</text>"));
});
