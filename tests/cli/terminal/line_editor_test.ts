import { LineEditor } from "../../../src/cli/terminal/line_editor.ts";
import { assertEquals } from "../../assert.ts";

function type(...pieces: (string | Uint8Array)[]): [string, string] {
  const editor = new LineEditor();
  let state = "typing";
  for (const piece of pieces) {
    state = editor.type(
      typeof piece === "string" ? new TextEncoder().encode(piece) : piece,
    );
  }
  return [state, editor.line];
}

Deno.test("editor.type() takes a line up to Enter, and nothing after it", () => {
  assertEquals(type("open sesame"), ["typing", "open sesame"]);
  assertEquals(type("open ", "sesame\r"), ["entered", "open sesame"]);
  assertEquals(type("open\nsesame\n"), ["entered", "open"]);
  assertEquals(type("\r"), ["entered", ""]);
});

Deno.test("editor.type() takes characters that come in pieces", () => {
  for (const text of ["größe", "密碼", "🔑"]) {
    const bytes = [...new TextEncoder().encode(`${text}\r`)];
    const pieces = bytes.map((byte) => Uint8Array.of(byte));
    assertEquals(type(...pieces), ["entered", text]);
  }
});

Deno.test("editor.type() takes back characters, not bytes", () => {
  assertEquals(type("aé🔑\x7f\x7f\b\x7fb\r"), ["entered", "b"]);
  assertEquals(type("wrong\x15right\r"), ["entered", "right"]);
});

Deno.test("editor.type() ends at Ctrl-C, and at Ctrl-D on an empty line", () => {
  assertEquals(type("a\x03")[0], "interrupted");
  assertEquals(type("a\x7f\x04")[0], "ended");
  assertEquals(type("a\x04b\r"), ["entered", "ab"]);
});

Deno.test("editor.type() leaves out keys that are no characters", () => {
  // Left, Ctrl-Right, keypad Up, F5, Insert; a paste as a terminal brackets it
  for (const key of ["[D", "[1;5C", "OA", "[15~", "[2~", "[200~", "[201~"]) {
    assertEquals(type(`a\x1b${key}b\r`), ["entered", "ab"]);
    assertEquals(type("a\x1b", key, "b\r"), ["entered", "ab"]);
  }
  assertEquals(type("a\x1bb\x1b\x1b[Dc\x01\x1a\td\r"), ["entered", "abc\td"]);
  assertEquals(type("a\x1b\r"), ["entered", "a"]);
});
