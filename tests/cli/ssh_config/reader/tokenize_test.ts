import {
  splitArguments,
  takeWord,
} from "../../../../src/cli/ssh_config/reader/tokenize.ts";
import { assertEquals } from "../../../assert.ts";

Deno.test("takeWord() ends a word at white space, at one = and after quotes", () => {
  for (
    const [text, expected] of [
      ["Port 22", ["Port", "22"]],
      ["Port", ["Port", undefined]],
      ["Port=22", ["Port", "22"]],
      ["Port  =  22", ["Port", "22"]],
      ["Port == 22", ["Port", "= 22"]],
      ["Port= =22", ["Port", "=22"]],
      ['"Port" 22', ["Port", "22"]],
      ['"Port"=22', ["Port", "=22"]],
      ['a"b c"d', ["ab c", "d"]],
      ["", ["", undefined]],
      [" a", ["", "a"]],
    ] as const
  ) {
    const taken = takeWord(text);
    assertEquals([taken?.word, taken?.rest], [...expected], text);
  }
  assertEquals(takeWord('"Port 22'), undefined);
});

Deno.test("splitArguments() takes quotes, backslashes and comments as ssh does", () => {
  for (
    const [text, expected] of [
      ["a b\tc", ["a", "b", "c"]],
      [`"a b" 'c "d'`, ["a b", 'c "d']],
      [`a"b"'c'd`, ["abcd"]],
      [`""`, [""]],
      [String.raw`a\ b \"c\' d\\e f\g`, ["a b", `"c'`, "d\\e", "f\\g"]],
      [String.raw`"a\ b\"c"`, [String.raw`a\ b"c`]],
      ["a#b #c d", ["a#b"]],
      ["#", []],
      ["a\\", ["a\\"]],
    ] as const
  ) {
    assertEquals(splitArguments(text), [...expected], text);
  }
  assertEquals(splitArguments(`a "b`), undefined);
  assertEquals(splitArguments(`a 'b"`), undefined);
});
