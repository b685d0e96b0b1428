import { Buffer } from "node:buffer";
import { join } from "node:path";
import { AuthenticationError, RForwardError } from "../../../../src/errors.ts";
import { silentLogger } from "../../../../src/logger.ts";
import { fingerprint } from "../../../../src/ssh/keys/public/key_blob.ts";
import { generateKeyPair } from "../../../../src/ssh/keys/private/key_pair.ts";
import {
  loadPublicKey,
  publicHalf,
} from "../../../../src/ssh/login/user_keys/public_keys.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../../assert.ts";
import { serverTest } from "../../../servers/availability.ts";
import { run } from "../../../servers/run.ts";
import {
  keepingLogger,
  testDirectory,
} from "../../host_keys/host_key_fixture.ts";

const print = (key: Uint8Array | undefined) => key && fingerprint(key);

serverTest(
  "ssh",
  "publicHalf() reads what ssh-keygen writes, encrypted or not, but no PEM",
  async () => {
    await using dir = await testDirectory();
    for (const type of ["ed25519", "ecdsa", "rsa"]) {
      for (const passphrase of ["", "open sesame"]) {
        const file = join(dir.path, `${type}${passphrase}`);
        await run("ssh-keygen", [
          ...["-q", "-t", type, "-a", "1", "-N", passphrase, "-f", file],
        ]);
        const [, expected] = (await run("ssh-keygen", ["-l", "-f", file]))
          .split(" ");
        for (const path of [file, `${file}.pub`]) {
          const text = await Deno.readTextFile(path);
          assertEquals(print(publicHalf(text)), expected);
          assertEquals(
            print(publicHalf(text.replaceAll("\n", "\r\n"))),
            expected,
          );
          assertEquals(
            print(await loadPublicKey({ file: path }, silentLogger)),
            expected,
          );
        }
        if (type === "ed25519") continue;
        await run("ssh-keygen", [
          ...["-q", "-p", "-m", "PEM", "-P", passphrase, "-N", passphrase],
          ...["-f", file],
        ]);
        assertEquals(publicHalf(await Deno.readTextFile(file)), undefined);
      }
    }
  },
);

Deno.test("publicHalf() makes nothing of garbage", async () => {
  const { privateKey, publicKey } = await generateKeyPair();
  const cut = (bytes: number) => {
    const [head, ...lines] = privateKey.trimEnd().split("\n");
    const body = Buffer.from(lines.slice(0, -1).join(""), "base64");
    return [head, body.subarray(0, bytes).toString("base64"), lines.at(-1)]
      .join("\n");
  };
  for (
    const text of [
      "",
      "hello",
      publicKey.slice(0, 40),
      "ssh-ed25519 ####",
      ...[0, 10, 15, 20, 40, 60, 100].map(cut),
    ]
  ) {
    assertEquals(publicHalf(text), undefined, text);
  }
  assert(publicHalf(privateKey));
});

Deno.test("loadPublicKey() names a key that cannot be used, or continues without it", async () => {
  await using dir = await testDirectory();
  const garbage = await dir.file("garbage", "hello");
  const missing = join(dir.path, "missing");
  for (
    const [source, reason] of [
      [{ file: garbage }, /public key: \S+garbage cannot be used/],
      [{ text: "hello" }, /public key: the key given as text cannot be used/],
      [{ file: missing }, /public key: \S+missing cannot be read: No such/],
    ] as const
  ) {
    const error = await assertRejects(
      () => loadPublicKey(source, silentLogger),
      AuthenticationError,
    );
    assertEquals(error.code, "key-unreadable");
    assertMatch(error.message, reason);
    assert(
      !(error instanceof RForwardError) || !error.message.includes("hello"),
    );

    const logger = keepingLogger();
    const optional = { ...source, optional: true };
    assertEquals(await loadPublicKey(optional, logger), undefined);
    assertEquals(
      logger.messages.length,
      "file" in source && source.file === missing ? 0 : 1,
    );
  }
});
