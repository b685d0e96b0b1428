import type { Line } from "../../../../src/cli/report/lines/line.ts";
import { RepeatFilter } from "../../../../src/cli/report/lines/repeat_filter.ts";
import { assert, assertEquals } from "../../../assert.ts";
import { FakeClock } from "../fake_clock.ts";

const MINUTE = 60_000;

function start(): {
  clock: FakeClock;
  printed: string[];
  filter: RepeatFilter;
} {
  const clock = new FakeClock();
  const printed: string[] = [];
  const filter = new RepeatFilter(clock, ({ text }) => printed.push(text));
  return { clock, printed, filter };
}

function line(text: string, key?: string): Line {
  return { level: "warn", text, ...key !== undefined && { key } };
}

Deno.test("RepeatFilter.add() prints a repeated line at once, then its count before the next one", () => {
  const { filter, printed } = start();
  for (const n of [1, 2, 3, 4]) filter.add(line(`down ${n}`, "down"));
  assertEquals(printed, ["down 1"]);
  filter.add(line("connected"));
  assertEquals(printed, ["down 1", "down 4 (repeated 3 times)", "connected"]);
});

Deno.test("RepeatFilter.add() prints a line again after something has changed", () => {
  const { filter, printed } = start();
  filter.add(line("down", "down"));
  filter.add(line("connected"));
  filter.add(line("down", "down"));
  assertEquals(printed, ["down", "connected", "down"]);
  filter[Symbol.dispose]();
});

Deno.test("RepeatFilter.add() does not count a debug line as a change", () => {
  const { filter, printed } = start();
  filter.add(line("down", "down"));
  filter.add({ level: "debug", text: "opened" });
  filter.add(line("down", "down"));
  assertEquals(printed, ["down", "opened"]);
  filter[Symbol.dispose]();
});

Deno.test("RepeatFilter.add() suppresses lines that alternate", () => {
  const { filter, printed } = start();
  for (let i = 0; i < 3; i++) {
    filter.add(line("a", "a"));
    filter.add(line("b", "b"));
  }
  assertEquals(printed, ["a", "b"]);
  filter[Symbol.dispose]();
  assertEquals(printed.slice(2), [
    "a (repeated 2 times)",
    "b (repeated 2 times)",
  ]);
});

Deno.test("RepeatFilter prints a count at most once a minute, then less and less often", () => {
  const { clock, filter, printed } = start();
  filter.add(line("down", "down"));
  for (let second = 0; second < 7 * 60; second += 10) {
    filter.add(line("down", "down"));
    clock.pass(10_000);
  }
  assertEquals(printed, [
    "down",
    "down (repeated 6 times)",
    "down (repeated 12 times)",
    "down (repeated 24 times)",
  ]);
  filter[Symbol.dispose]();
  assertEquals(clock.pending, 0);
});

Deno.test("RepeatFilter prints a line again after a minute without it", () => {
  const { clock, filter, printed } = start();
  filter.add(line("down", "down"));
  clock.pass(MINUTE);
  assertEquals(clock.pending, 0);
  filter.add(line("down", "down"));
  assertEquals(printed, ["down", "down"]);
});

Deno.test("RepeatFilter is linear in the number of different lines, and keeps few timers", () => {
  const { clock, filter, printed } = start();
  const lines = 80_000;
  const began = performance.now();
  for (let n = 0; n < lines; n++) filter.add(line(`${n}`, `${n}`));
  const ms = performance.now() - began;

  assertEquals(printed.length, lines);
  assert(clock.pending <= 256, `${clock.pending} timers`);
  assert(ms < 10_000, `${ms} ms`); // a minute, if each line walks all before it
  filter[Symbol.dispose]();
  assertEquals(clock.pending, 0);
});
