import { ArgumentError, RForwardError } from "../../src/errors.ts";
import { silentLogger } from "../../src/logger.ts";
import { checkOptions } from "../../src/ssh/check_options.ts";
import { lookUpKnownHost } from "../../src/ssh/host_keys/known_hosts/known_hosts.ts";
import { generateKeyPair } from "../../src/ssh/keys/private/key_pair.ts";
import { shown, withoutKeys } from "../../src/text/shown.ts";
import { parseArguments } from "../../src/cli/command_line/parse_arguments.ts";
import { readConfig } from "../../src/cli/plan.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "../assert.ts";
import { runCommand } from "../cli/command_process.ts";

Deno.test("shown() quotes text, cuts what is long, and shows nothing of several lines or of a key", () => {
  assertEquals(shown('a "b"'), '"a \\"b\\""');
  assertEquals(shown("x".repeat(100)).length, 81);
  assertEquals(shown(7), "7");
  for (const text of ["a\nb", "a\rb", "-----BEGIN", "x -----BEGIN y"]) {
    assertEquals(shown(text), "text that looks like a key");
  }
});

Deno.test("an error never holds a key, wherever its message got it from", async () => {
  const { privateKey } = await generateKeyPair();
  for (const key of [privateKey, privateKey.slice(0, 200)]) {
    const { message } = new RForwardError("invalid-argument", `no ${key}`);
    assertEquals(message.trimEnd(), "no (a key, not shown)");
  }
  assertEquals(
    withoutKeys(`before ${privateKey.trim()} after`),
    "before (a key, not shown) after",
  );
});

Deno.test("no option of connect() echoes a key that was put in the wrong place", async () => {
  const { privateKey: text } = await generateKeyPair();
  const secret = text.split("\n")[2]!;
  const base = { hostname: "server.example", user: "alice" };
  const lastLines = text.split("\n").slice(2).join("\n");
  for (const value of [text, lastLines, text.replaceAll("\n", " ")]) {
    for (
      const options of [
        { ...base, hostname: value },
        { ...base, privateKeys: [{ file: value }] },
        { ...base, agentKeys: [{ file: value }] },
        { ...base, agent: value },
        { ...base, algorithms: { cipher: [value] } },
      ]
    ) {
      const error = assertThrows(() => checkOptions(options), ArgumentError);
      assert(!Deno.inspect(error).includes(secret), error.message);
    }
    const error = await assertRejects(
      () =>
        lookUpKnownHost({ files: [value] }, "server.example", 22, silentLogger),
      ArgumentError,
    );
    assert(!Deno.inspect(error).includes(secret), error.message);
  }
});

Deno.test("no argument of rforward echoes a key that was put in the wrong place", async () => {
  const { privateKey } = await generateKeyPair();
  const secret = privateKey.split("\n")[2]!;
  const lastLines = privateKey.split("\n").slice(2).join("\n");
  const read = async (args: readonly string[]) => {
    const command = parseArguments(args);
    assert(command.name === "run");
    await readConfig(command.arguments);
  };
  let refused = 0;
  for (
    const args of [privateKey, lastLines].flatMap((text) => [
      ["-F", text, "server"],
      ["-p", text, "server"],
      ["-l", text, "server"],
      ["-J", text, "server"],
      ["-o", text, "server"],
      ["-F", "none", "-o", `Ciphers=${text}`, "server"],
      ["-F", "none", "-o", `BatchMode=${text}`, "server"],
      [text],
      ["-R", text, "server"],
      ["--attempts", text, "server"],
      ["--bind-wait", text, "server"],
      ["server", "--completions", text],
      [`--${text}`, "server"],
      ["-F", "none", "-o", `IdentityAgent=$${text}`, "server"],
      ["-F", "none", "-o", `RemoteForward=${text}`, "server"],
    ])
  ) {
    const said = await read(args).then(() => "", ({ message }) => message);
    if (said !== "") refused++;
    assert(!said.includes(secret), said);
  }
  assert(refused > 25, `${refused}`);
});

Deno.test("rforward echoes no key that was given to -i instead of its path", async () => {
  const { privateKey: text } = await generateKeyPair();
  const { code, stderr } = await runCommand({
    args: ["-F", "none", "-R", "1:a:1", "-i", text, "-p", "1", "--once", "::1"],
  });
  assertEquals(code, 255);
  assertMatch(stderr, /-i: Identity file \(a key, not shown\)/);
  assert(!stderr.includes(text.split("\n")[2]!), stderr);
});
