import { join } from "node:path";
import { readRevokedHostKeys } from "../../src/cli/revoked_host_keys.ts";
import { ArgumentError } from "../../src/errors.ts";
import { assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { serverTest } from "../servers/availability.ts";
import { run } from "../servers/run.ts";

const key =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE61JSmczPGuXH6KNhK1qKO4vyHGn3dj6yVlQ8RB8bjO";

async function withFile<T>(
  text: string,
  use: (file: string) => Promise<T>,
): Promise<T> {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, text);
    return await use(file);
  } finally {
    await Deno.remove(file);
  }
}

async function refusal(file: string): Promise<string> {
  const { message } = await assertRejects(
    () => readRevokedHostKeys(file),
    ArgumentError,
  );
  return message.replaceAll(file, "FILE");
}

Deno.test("readRevokedHostKeys() revokes each key for every host, and keeps the lines", async () => {
  const text = `# stolen\n\n${key} alice@server\r\n \t${key}`;
  assertEquals(
    await withFile(text, readRevokedHostKeys),
    `\n\n@revoked * ${key} alice@server\n@revoked * ${key}`,
  );
  assertEquals(await withFile("", readRevokedHostKeys), "");
});

for (
  const line of [
    "nonsense",
    "ssh-ed25519 AAAA",
    key.replace("ed25519", "rsa"),
    `@revoked * ${key}`,
    `restrict ${key}`,
  ]
) {
  Deno.test(`readRevokedHostKeys() refuses all where a line is ${JSON.stringify(line)}`, async () => {
    assertEquals(
      await withFile(`${key}\n${line}\n`, refusal),
      "RevokedHostKeys: no host key is accepted, as FILE:2 is no public key",
    );
  });
}

Deno.test("readRevokedHostKeys() refuses all where the file cannot be read", async () => {
  assertMatch(
    await refusal("/missing/file"),
    /^RevokedHostKeys: no host key is accepted, as FILE cannot be read: No such file/,
  );
  assertMatch(await refusal("/"), /as FILE cannot be read: /);
});

serverTest(
  "ssh",
  "readRevokedHostKeys() refuses all where the file is a KRL",
  async () => {
    const dir = await Deno.makeTempDir();
    try {
      const file = join(dir, "krl");
      await Deno.writeTextFile(join(dir, "key.pub"), `${key}\n`);
      await run("ssh-keygen", ["-q", "-k", "-f", file, join(dir, "key.pub")]);
      assertMatch(await refusal(file), /as FILE is a key revocation list/);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
);
