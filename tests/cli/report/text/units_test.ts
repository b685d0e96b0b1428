import {
  count,
  formatBytes,
  formatDuration,
} from "../../../../src/cli/report/text/units.ts";
import { assertEquals } from "../../../assert.ts";

Deno.test("formatBytes() takes five characters at most", () => {
  assertEquals(
    [0, 999, 999.4, 999.6, 1000, 9949, 9950, 999_499, 999_500, 1e15]
      .map(formatBytes),
    [
      ...["0B", "999B", "999B", "1.0kB", "1.0kB", "9.9kB"],
      ...["10kB", "999kB", "1.0MB", "1.0PB"],
    ],
  );
});

Deno.test("formatDuration() names the two greatest units", () => {
  assertEquals(
    [
      0,
      12.4,
      999.6,
      59_400,
      59_600,
      200_000,
      3_599_600,
      11_000_000,
      187_200_000,
    ]
      .map(formatDuration),
    [
      ...["0 ms", "12 ms", "1 s", "59 s", "1 min", "3 min 20 s"],
      ...["1 h", "3 h 3 min", "2 d 4 h"],
    ],
  );
});

Deno.test("count() counts", () => {
  assertEquals([0, 1, 2].map((n) => count(n, "try")), [
    "0 trys",
    "1 try",
    "2 trys",
  ]);
});
