import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { join } from "node:path";
import { openSshKey } from "./openssh_key.ts";
import { assertEquals } from "../../../assert.ts";
import { serverTest } from "../../../servers/availability.ts";
import { run } from "../../../servers/run.ts";

const kinds: [string, () => { privateKey: KeyObject }][] = [
  ["ssh-ed25519", () => generateKeyPairSync("ed25519")],
  ...[256, 384, 521].map((bits): [string, () => { privateKey: KeyObject }] => [
    `ecdsa-sha2-nistp${bits}`,
    () => generateKeyPairSync("ec", { namedCurve: `P-${bits}` }),
  ]),
  ["ssh-rsa", () => generateKeyPairSync("rsa", { modulusLength: 2048 })],
];

for (const [type, generate] of kinds) {
  serverTest(
    "ssh",
    `openSshKey() writes what OpenSSH reads (${type})`,
    async () => {
      const dir = await Deno.makeTempDir({ prefix: "rforward-key-" });
      try {
        // Several, because a number may begin with any bit.
        for (let i = 0; i < (type === "ssh-rsa" ? 1 : 8); i++) {
          const file = join(dir, `${i}`);
          await Deno.writeTextFile(file, openSshKey(generate().privateKey)!, {
            mode: 0o600,
          });
          const publicKey = await run("ssh-keygen", ["-y", "-f", file]);
          assertEquals(publicKey.split(" ")[0], type);
          // It checks that both halves belong together.
          await Deno.writeTextFile(join(dir, "data"), "signed");
          await run("ssh-keygen", [
            ...["-q", "-Y", "sign", "-n", "test", "-f", file],
            join(dir, "data"),
          ]);
          await Deno.remove(join(dir, "data.sig"));
        }
      } finally {
        await Deno.remove(dir, { recursive: true });
      }
    },
  );
}

Deno.test("openSshKey() has nothing to say of keys that SSH does not have", () => {
  const { privateKey } = generateKeyPairSync("x25519");
  assertEquals(openSshKey(privateKey), undefined);
});
