import { Fold } from "../../../src/cli/report/fold.ts";
import type { Line } from "../../../src/cli/report/narrator.ts";
import { assertEquals } from "../../assert.ts";
import { FakeClock } from "./fake_clock.ts";

const MINUTE = 60_000;

function start(): { clock: FakeClock; said: string[]; fold: Fold } {
  const clock = new FakeClock();
  const said: string[] = [];
  return { clock, said, fold: new Fold(clock, ({ text }) => said.push(text)) };
}

function line(text: string, key?: string): Line {
  return { level: "warn", text, ...key !== undefined && { key } };
}

Deno.test("fold.add() says a repeated line at once, then its count before the next one", () => {
  const { fold, said } = start();
  for (const n of [1, 2, 3, 4]) fold.add(line(`down ${n}`, "down"));
  assertEquals(said, ["down 1"]);
  fold.add(line("connected"));
  assertEquals(said, ["down 1", "down 4 (repeated 3 times)", "connected"]);
});

Deno.test("fold.add() says a line anew after something has changed", () => {
  const { fold, said } = start();
  fold.add(line("down", "down"));
  fold.add(line("connected"));
  fold.add(line("down", "down"));
  assertEquals(said, ["down", "connected", "down"]);
  fold[Symbol.dispose]();
});

Deno.test("fold.add() takes a line for debugging for no change", () => {
  const { fold, said } = start();
  fold.add(line("down", "down"));
  fold.add({ level: "debug", text: "opened" });
  fold.add(line("down", "down"));
  assertEquals(said, ["down", "opened"]);
  fold[Symbol.dispose]();
});

Deno.test("fold.add() folds lines that take turns", () => {
  const { fold, said } = start();
  for (let i = 0; i < 3; i++) {
    fold.add(line("a", "a"));
    fold.add(line("b", "b"));
  }
  assertEquals(said, ["a", "b"]);
  fold[Symbol.dispose]();
  assertEquals(said.slice(2), [
    "a (repeated 2 times)",
    "b (repeated 2 times)",
  ]);
});

Deno.test("fold says a count at most once a minute, and more and more rarely", () => {
  const { clock, fold, said } = start();
  fold.add(line("down", "down"));
  for (let second = 0; second < 7 * 60; second += 10) {
    fold.add(line("down", "down"));
    clock.pass(10_000);
  }
  assertEquals(said, [
    "down",
    "down (repeated 6 times)",
    "down (repeated 12 times)",
    "down (repeated 24 times)",
  ]);
  fold[Symbol.dispose]();
  assertEquals(clock.pending, 0);
});

Deno.test("fold says a line anew after a minute without it", () => {
  const { clock, fold, said } = start();
  fold.add(line("down", "down"));
  clock.pass(MINUTE);
  assertEquals(clock.pending, 0);
  fold.add(line("down", "down"));
  assertEquals(said, ["down", "down"]);
});
