import { flags } from "../../../src/cli/command_line/flag_table.ts";
import { help } from "../../../src/cli/command_line/help.ts";
import { parseArguments } from "../../../src/cli/command_line/parse_arguments.ts";
import { assert, assertEquals } from "../../assert.ts";

Deno.test("help() has lines of at most 79 characters", () => {
  for (const line of help().split("\n")) assert(line.length <= 79, line);
});

Deno.test("help() names every flag that has an effect, and no others", () => {
  const left = help().split("\n").map((line) => line.split(/ {2,}/)[1] ?? "");
  const named = left.filter((text) => !text.startsWith("rforward"))
    .flatMap((text) => text.split(/[\s,]+/))
    .filter((word) => word.startsWith("-"));
  const effective = flags.filter(({ help }) => help !== undefined)
    .flatMap(({ names }) => names);
  assertEquals(named.toSorted(), effective.toSorted());
});

Deno.test("help() has valid examples", () => {
  const examples = help().match(/^ {2}rforward .*$/gm) ?? [];
  assertEquals(examples.length, 2);
  for (const example of examples) {
    const [, ...argv] = example.trim().replaceAll("'", "").split(" ");
    assertEquals(parseArguments(argv).name, "run");
  }
});
