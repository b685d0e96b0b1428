import {
  pad,
  textWidth,
  truncate,
} from "../../../../src/cli/report/text/text_width.ts";
import { assertEquals } from "../../../assert.ts";

Deno.test("textWidth() knows wide, combining and unseen characters", () => {
  assertEquals(textWidth("abc → ✓…"), 8);
  assertEquals(textWidth("日本"), 4);
  assertEquals(textWidth("e\u0301"), 1);
  assertEquals(textWidth("😀👩‍💻"), 4);
  assertEquals(textWidth("\u200b"), 0);
});

Deno.test("truncate() marks what it cuts off and keeps to the width", () => {
  assertEquals(truncate("abcdef", 6), "abcdef");
  assertEquals(truncate("abcdef", 4), "abc…");
  assertEquals(truncate("日本語", 4), "日…");
  assertEquals(truncate("e\u0301e\u0301e\u0301", 2), "e\u0301…");
  assertEquals(truncate("ab", 1), "…");
  assertEquals(truncate("ab", 0), "");
});

Deno.test("pad() fills columns", () => {
  assertEquals(pad("日", 4), "日  ");
  assertEquals(pad("abc", 2), "abc");
});
