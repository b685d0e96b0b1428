import { flags } from "../../../src/cli/command_line/flag_table.ts";
import { flagsWithoutEffect } from "../../../src/cli/command_line/flags_without_effect.ts";
import { assert, assertEquals } from "../../assert.ts";

Deno.test("flags have each name once", () => {
  const names = flags.flatMap(({ names }) => names);
  assertEquals(names.length, new Set(names).size);
});

Deno.test("flags have a help text, unless they have no effect", () => {
  const silent = new Set(flagsWithoutEffect);
  for (const flag of flags) {
    assertEquals(flag.help === undefined, silent.has(flag), flag.names[0]);
  }
});

Deno.test("flags contradict only flags that there are", () => {
  const names = new Set(flags.flatMap(({ names }) => names));
  for (const { contradicts = [] } of flags) {
    for (const name of contradicts) assert(names.has(name), name);
  }
});
