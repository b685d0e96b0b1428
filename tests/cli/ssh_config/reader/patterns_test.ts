import {
  matchesHostList,
  matchesPattern,
  matchesPatternList,
} from "../../../../src/cli/ssh_config/reader/patterns.ts";
import { assertEquals } from "../../../assert.ts";

Deno.test("matchesPattern() knows * and ? and nothing else", () => {
  for (
    const [text, pattern, expected] of [
      ["web1", "web1", true],
      ["web1", "web?", true],
      ["web", "web?", false],
      ["web12", "web?", false],
      ["", "*", true],
      ["", "?", false],
      ["", "", true],
      ["a.b.c", "a.*.c", true],
      ["a.b.c", "*.c", true],
      ["a.b.cd", "*.c", false],
      ["abcbd", "a*b?", true],
      ["abcb", "a*b?", false],
      ["a+c", "a+c", true],
      ["aac", "a+c", false],
      ["a.c", "[a].c", false],
      ["Web", "web", false],
      ["a*", "a*", true],
    ] as const
  ) {
    assertEquals(
      matchesPattern(text, pattern),
      expected,
      `${text} ${pattern}`,
    );
  }
});

Deno.test("matchesPattern() is fast with many stars", () => {
  const pattern = `${"a*".repeat(1000)}b`;
  assertEquals(matchesPattern("a".repeat(10_000), pattern), false);
});

Deno.test("matchesPatternList() needs a pattern that matches, and no negated one that does", () => {
  for (
    const [list, expected] of [
      ["a,b", true],
      ["*,!b", false],
      ["!b,*", false],
      ["!a", false],
      ["!a,b", true],
      ["c", false],
      ["B", false],
      ["", false],
    ] as const
  ) {
    assertEquals(matchesPatternList("b", list), expected, list);
  }
  assertEquals(matchesHostList("WEB.Example", "*.eXample"), true);
});
