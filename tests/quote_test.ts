import { ArgumentError } from "../src/errors.ts";
import { quote } from "../src/quote.ts";
import { assertEquals, assertThrows } from "./assert.ts";
import { NASTY } from "./nasty_words.ts";

Deno.test("quote() makes any text one word for a shell", async () => {
  const words = NASTY.map(quote).join(" ");

  assertEquals(await sh(`printf "%s\\0" ${words}`), `${NASTY.join("\0")}\0`);
});

Deno.test("quote() quotes what is quoted already", async () => {
  const script = `printf %s ${quote("it's")}`;

  assertEquals(await sh(`sh -c ${quote(script)}`), "it's");
});

Deno.test("quote() refuses a NUL", () => {
  assertThrows(() => quote("a\0b"), ArgumentError);
});

async function sh(script: string): Promise<string> {
  const command = new Deno.Command("sh", { args: ["-c", script] });
  const { stdout } = await command.output();
  return new TextDecoder().decode(stdout);
}
