import { readLines } from "../../src/text/read_lines.ts";
import { assertEquals } from "../assert.ts";

async function linesOf(
  text: string,
  maxLength = 100_000,
): Promise<(string | undefined)[]> {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, text);
    return (await Array.fromAsync(readLines(file, maxLength))).flat();
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("readLines() splits a text as split() does, wherever its pieces end", async () => {
  const random = (below: number) => Math.floor(Math.random() * below);
  const texts = ["", "\n", "a", "a\n", "a\nb", "\n\na", "x".repeat(65_535)];
  texts.push("é".repeat(70_000), `${"x".repeat(65_536)}\n`);
  for (let i = 0; i < 20; i++) {
    const lines = Array.from(
      { length: random(2000) },
      () => "€".repeat(random(200)),
    );
    texts.push(lines.join("\n"));
  }
  for (const text of texts) assertEquals(await linesOf(text), text.split("\n"));
});

Deno.test("readLines() can be stopped in the middle of a line", async () => {
  for await (const _ of readLines("/dev/zero", 100)) break;
});

Deno.test("readLines() gives undefined for a line that is too long, and the others", async () => {
  const long = "x".repeat(300_000);
  assertEquals(
    await linesOf(`a\n${long}\nb\n${"y".repeat(100_001)}\n${long}`),
    ["a", undefined, "b", undefined, undefined],
  );
});
