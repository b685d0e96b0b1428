import { readGrantedVariable, readVariable } from "../src/environment.ts";
import { assert, assertEquals, assertMatch } from "./assert.ts";
import { main } from "./cli/command_process.ts";

Deno.test("readVariable() takes a name that no variable can have for one that is not set", () => {
  for (const name of ["", "=", "A=B", "A\0", "RFORWARD_NOT_SET"]) {
    assertEquals(readVariable(name), undefined);
  }
  assertEquals(readVariable("PATH"), Deno.env.get("PATH"));
});

Deno.test("readGrantedVariable() does not look without permission", {
  permissions: { env: ["PATH"] },
}, () => {
  assertEquals(readGrantedVariable("HOME"), undefined);
  assertEquals(readGrantedVariable("PATH"), Deno.env.get("PATH"));
});

/** Runs the command with a HOME whose name is not valid UTF-8. */
async function run(...args: string[]): Promise<{ code: number; text: string }> {
  const { code, stderr } = await new Deno.Command("sh", {
    args: [
      ...["-c", `HOME=$(printf '/\\377') exec "$@"`, "sh"],
      ...[Deno.execPath(), "run", "-A", "--quiet", main, ...args],
    ],
    env: { NO_COLOR: "1", DENO_DIR: await denoDir() },
  }).output();
  return { code, text: new TextDecoder().decode(stderr) };
}

async function denoDir(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json"],
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

Deno.test("a variable that is not valid UTF-8 is a mistake that names it", {
  ignore: Deno.build.os === "windows",
}, async () => {
  const { code, text } = await run("-R", "1:h:2", "host");
  assert(code !== 0 && !text.includes("Uncaught"), text);
  assertMatch(text, /HOME.*not valid UTF-8/);
});
