import { fingerprint, keyType } from "../../../src/ssh/keys/public/key_blob.ts";
import { assertEquals, assertMatch } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { run } from "../../servers/run.ts";
import { ed25519Key, testDirectory, testKey } from "./host_key_fixture.ts";

serverTest(
  "ssh",
  "fingerprint() and keyType() agree with ssh-keygen",
  async () => {
    await using dir = await testDirectory();
    for (const type of ["ed25519", "ecdsa", "rsa"]) {
      const file = `${dir.path}/${type}`;
      await run("ssh-keygen", ["-q", "-t", type, "-N", "", "-f", file]);
      const [name, base64] = (await Deno.readTextFile(`${file}.pub`)).split(
        " ",
      );
      const data = Uint8Array.fromBase64(base64!);

      const printed = await run("ssh-keygen", ["-l", "-f", file]);

      assertEquals(fingerprint(data), printed.split(" ")[1]);
      assertEquals(keyType(data), name);
    }
  },
);

Deno.test("fingerprint() has no padding", () => {
  assertMatch(
    fingerprint(ed25519Key(1).data),
    /^SHA256:[A-Za-z0-9+/]{43}$/,
  );
});

Deno.test("keyType() does not take what is no algorithm name", () => {
  const name = (text: string) => keyType(testKey(text).data);
  assertEquals(name("a".repeat(64)), "a".repeat(64));
  assertEquals(name("a".repeat(65)), undefined);
  assertEquals(name(""), undefined);
  assertEquals(name("a,b"), undefined);
  assertEquals(name("a b"), undefined);
  assertEquals(name("a\n"), undefined);
  assertEquals(name("ä"), undefined);
  assertEquals(keyType(new Uint8Array()), undefined);
  assertEquals(keyType(new Uint8Array([0, 0, 0])), undefined);
  assertEquals(keyType(new Uint8Array([0, 0, 0, 2, 65])), undefined);
  assertEquals(keyType(new Uint8Array([255, 255, 255, 255, 65])), undefined);
});

Deno.test("keyType() reads a key that lies within a larger buffer", () => {
  const { data } = ed25519Key(1);
  const larger = new Uint8Array(data.length + 8);
  larger.set(data, 5);
  assertEquals(keyType(larger.subarray(5, 5 + data.length)), "ssh-ed25519");
});
