import { parseArguments } from "../../../src/cli/command_line/arguments.ts";
import { help } from "../../../src/cli/command_line/help.ts";
import { options } from "../../../src/cli/command_line/options.ts";
import { assert, assertEquals } from "../../assert.ts";

Deno.test("help() fits a screen of 80 by 24 with the prompt below it", () => {
  const lines = help().split("\n");
  assert(lines.length <= 24, `${lines.length} lines`);
  for (const line of lines) assert(line.length <= 79, line);
});

Deno.test("help() names every option that has a use here", () => {
  const words = help().split(/[\s,]+/);
  for (const { flags: [flag = ""], help } of options) {
    assertEquals(words.includes(flag), help !== undefined, flag);
  }
});

Deno.test("help() has examples that are taken", () => {
  const examples = help().match(/^ {2}rforward .*$/gm) ?? [];
  assertEquals(examples.length, 2);
  for (const example of examples) {
    const [, ...argv] = example.trim().replaceAll("'", "").split(" ");
    assertEquals(parseArguments(argv).name, "run");
  }
});

Deno.test("options have each flag once", () => {
  const flags = options.flatMap(({ flags }) => flags);
  assertEquals(flags.length, new Set(flags).size);
});
