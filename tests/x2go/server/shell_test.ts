import { quote } from "../../../src/quote.ts";
import { enclose, enclosed } from "../../../src/x2go/server/shell.ts";
import { assertEquals } from "../../assert.ts";
import { NASTY } from "../../nasty_words.ts";

Deno.test("enclosed() finds what the script of enclose() printed, and nothing else", async () => {
  for (const text of NASTY) {
    const command = enclose(`printf %s ${quote(text)}`, "marker");

    const output = await sh(
      `printf "X2GODATABEGIN:other\\nno line break"; (${command}); echo more`,
    );

    assertEquals(enclosed(output, "marker"), text);
  }
});

Deno.test("enclose() keeps the script's exit status", async () => {
  assertEquals(await status(enclose("exit 3", "marker")), 3);
  assertEquals(await status(enclose("true", "marker")), 0);
});

Deno.test("enclosed() takes nothing that is not all there", () => {
  for (
    const output of [
      "",
      "noise",
      "\nX2GODATABEGIN:marker\ntext",
      "text\nX2GODATAEND:marker\n",
      "\nX2GODATAEND:marker\n\nX2GODATABEGIN:marker\n",
      "\nX2GODATABEGIN:marker2\ntext\nX2GODATAEND:marker2\n",
      " X2GODATABEGIN:marker\ntext\nX2GODATAEND:marker\n",
    ]
  ) {
    assertEquals(enclosed(output, "marker"), undefined);
  }
});

async function sh(script: string): Promise<string> {
  const command = new Deno.Command("sh", { args: ["-c", script] });
  return new TextDecoder().decode((await command.output()).stdout);
}

async function status(script: string): Promise<number> {
  return (await new Deno.Command("sh", { args: ["-c", script] }).output()).code;
}
