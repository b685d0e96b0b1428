import { join } from "node:path";
import { generateKeyPair } from "../../src/ssh/keys/private/key_pair.ts";
import { ServedHostKey } from "../../src/testing/served_host_key.ts";
import { ArgumentError } from "../../src/errors.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "../assert.ts";
import { serverTest } from "../servers/availability.ts";
import { run } from "../servers/run.ts";
import { setUp } from "./open_ssh.ts";

/** Has `ssh-keygen` make a key and gives the directory with `key` and `key.pub`. */
async function makeKey(...args: string[]) {
  const dir = await Deno.makeTempDir();
  await run("ssh-keygen", ["-q", "-N", "", "-f", join(dir, "key"), ...args]);
  return {
    privateKey: await Deno.readTextFile(join(dir, "key")),
    publicKey: await Deno.readTextFile(join(dir, "key.pub")),
    fingerprint: (await run("ssh-keygen", ["-lf", join(dir, "key.pub")]))
      .split(" ")[1],
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}

for (
  const args of [
    ["-t", "ed25519"],
    ["-t", "ecdsa"],
    ["-t", "rsa"],
    ["-t", "rsa", "-m", "PEM"],
  ]
) {
  serverTest(
    "ssh",
    `HostKey reads what ssh-keygen ${
      args.join(" ")
    } makes, and ssh verifies it`,
    async () => {
      await using made = await makeKey(...args);
      const key = new ServedHostKey(made.privateKey);
      await using setting = await setUp({
        hostKey: made.privateKey,
        exec: () => Promise.resolve(0),
      });

      assertEquals(key.fingerprint, made.fingerprint);
      assert(made.publicKey.startsWith(`${key.publicKey} `));
      await run("ssh", [...setting.args, "true"]);
    },
  );
}

serverTest("ssh", "HostKey is a new one for each server", async () => {
  await using setting = await setUp();
  await using other = await setUp();
  const known = join(setting.dir, "known_hosts");
  await Deno.writeTextFile(
    known,
    other.server.knownHosts.replace(/:\d+/, `:${setting.server.port}`),
  );

  const error = await assertRejects(
    () => run("ssh", [...setting.args, "true"]),
    Error,
  );

  assertMatch(error.message, /REMOTE HOST IDENTIFICATION HAS CHANGED/);
  assert(
    error.message.includes(setting.server.hostKeyFingerprint),
    error.message,
  );
});

Deno.test("hostKey.knownHostsLine() names the port unless it is 22", async () => {
  const key = new ServedHostKey((await generateKeyPair()).privateKey);

  assertEquals(key.knownHostsLine("host", 22), `host ${key.publicKey}\n`);
  assertEquals(
    key.knownHostsLine("host", 2222),
    `[host]:2222 ${key.publicKey}\n`,
  );
});

serverTest(
  "ssh",
  "HostKey does not take a public or a locked key",
  async () => {
    await using made = await makeKey("-t", "ed25519");
    await using locked = await makeKey("-t", "ed25519", "-N", "secret");

    for (const text of [made.publicKey, locked.privateKey]) {
      const error = assertThrows(() => new ServedHostKey(text), ArgumentError);
      assertEquals(error.argument, "hostKey");
    }
  },
);
