import { printable, printableLines } from "../../src/text/printable.ts";
import { assertEquals } from "../assert.ts";

Deno.test("printable() leaves text as it is", () => {
  for (
    const text of ["", "open failed", "Zugriff verweigert: größer", "拒否"]
  ) {
    assertEquals(printable(text), text);
  }
});

Deno.test("printable() makes one line without control characters", () => {
  assertEquals(
    printable("\x1b[2Jall\r\nis \x00\x7f\x9cwell\n"),
    "all is  well",
  );
  assertEquals(printable("line\u2028and\u2029line"), "line and line");
  assertEquals(printable("left\u202eright\u200b"), "left right");
  assertEquals(printable("half \ud83d"), "half");
});

Deno.test("printable() leaves out escape sequences whole", () => {
  const url = "https://demo.example";
  for (
    const text of [
      `\x1b[1;32m${url}\x1b[0m`,
      `\x9b32m${url}\x9b0m`,
      `\x1b]0;title\x07${url}`,
      `\x1b]8;;https://elsewhere.example\x1b\\${url}\x1b]8;;\x1b\\`,
      `\x1bP1$r0m\x1b\\\x1b7${url}\x1b8\x1b(B`,
    ]
  ) assertEquals(printable(text), url);
  // An incomplete sequence is harmless, too.
  assertEquals(printable(`\x1b[3\x1b]0;t ${url}`), `[3 ]0;t ${url}`);
});

Deno.test("printable() cuts what is long", () => {
  assertEquals(printable("x".repeat(201)), `${"x".repeat(200)}…`);
  assertEquals(printable("x".repeat(200)), "x".repeat(200));
});

Deno.test("printableLines() keeps lines and how they are indented", () => {
  assertEquals(printableLines("\n  All use\r\n\tis logged.  \n\n"), [
    "",
    "  All use",
    "    is logged.",
  ]);
  assertEquals(printableLines("left\u202eright\n\x1b]0;title unended"), [
    "left right",
    " ]0;title unended",
  ]);
  for (const blank of ["", "\n", " \x00\r\n\t"]) {
    assertEquals(printableLines(blank), []);
  }
});

Deno.test("printableLines() cuts what is long", () => {
  const lines = printableLines(`${"x".repeat(2001)}\n`.repeat(20_000));
  assertEquals(lines.length, 101);
  assertEquals(lines[99], `${"x".repeat(2000)}…`);
  assertEquals(lines[100], "…");
});
