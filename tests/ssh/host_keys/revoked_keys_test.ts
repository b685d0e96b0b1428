import { assertEquals, assertMatch, assertRejects } from "../../assert.ts";
import { ArgumentError } from "../../../src/errors.ts";
import type { Certificate } from "../../../src/ssh/keys/public/certificate.ts";
import { readRevokedKeys } from "../../../src/ssh/host_keys/revoked_keys.ts";
import { ed25519Key, testDirectory } from "./host_key_fixture.ts";

const key = ed25519Key(1);
const other = ed25519Key(2);

Deno.test("readRevokedKeys() finds the keys of lists, and says where", async () => {
  await using dir = await testDirectory();
  const first = await dir.file(
    "first",
    "# stolen",
    "",
    `${other.text} bob@server`,
  );
  const second = await dir.file("second", ` \t${key.text}\r`);
  const revoked = await readRevokedKeys([first, second]);

  assertEquals(revoked.find(other.data), {
    file: first,
    line: 3,
    what: undefined,
  });
  assertEquals(revoked.find(key.data), {
    file: second,
    line: 1,
    what: undefined,
  });
  assertEquals(revoked.find(ed25519Key(3).data), undefined);
});

Deno.test("readRevokedKeys() finds the authority of a certificate", async () => {
  await using dir = await testDirectory();
  const file = await dir.file("file", other.text);
  const revoked = await readRevokedKeys([file]);
  const certificate = { authority: other.data } as Partial<
    Certificate
  > as Certificate;

  const found = revoked.find(key.data, certificate);
  assertEquals(found, { file, line: 1, what: "its certificate's authority" });
});

Deno.test("readRevokedKeys() finds nothing where nothing is revoked", async () => {
  await using dir = await testDirectory();
  assertEquals((await readRevokedKeys([])).find(key.data), undefined);
  const empty = await dir.file("empty");
  assertEquals((await readRevokedKeys([empty])).find(key.data), undefined);
});

for (
  const line of [
    "nonsense",
    "ssh-ed25519 AAAA",
    key.text.replace("ed25519", "rsa"),
    `@revoked * ${key.text}`,
    `restrict ${key.text}`,
  ]
) {
  Deno.test(`readRevokedKeys() refuses all where a line is ${JSON.stringify(line)}`, async () => {
    await using dir = await testDirectory();
    const file = await dir.file("file", key.text, line);
    const { message } = await assertRejects(
      () => readRevokedKeys([file]),
      ArgumentError,
    );
    assertEquals(
      message,
      `hostKeys.revokedKeys: no host key is accepted, as ${file}:2 is not a public key`,
    );
  });
}

Deno.test("readRevokedKeys() refuses all where a file cannot be read or used", async () => {
  await using dir = await testDirectory();
  const missing = `${dir.path}/missing`;
  const broken = await dir.file("broken", "SSHKRL\n\0");
  for (
    const [file, reason] of [
      [
        missing,
        /no host key is accepted, as \S+missing cannot be read: No such file/,
      ],
      [dir.path, /cannot be read: Is a directory/],
      ["/dev/zero", /cannot be read: it has more than 256 MiB/],
      [
        broken,
        /is a key revocation list that cannot be used: the message is cut short/,
      ],
    ] as const
  ) {
    const { message } = await assertRejects(
      () => readRevokedKeys([file]),
      ArgumentError,
    );
    assertMatch(message, reason);
  }
});
