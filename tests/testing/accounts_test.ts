import { join } from "node:path";
import type { TestServerOptions } from "../../src/testing/mod.ts";
import { assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { serverTest } from "../servers/availability.ts";
import { run } from "../servers/run.ts";
import { setUp } from "./open_ssh.ts";

/** Logs in with a password and runs a command; `ssh` gets the password from a program. */
async function logIn(
  options: TestServerOptions,
  typed: string,
  ...sshOptions: string[]
): Promise<string> {
  await using setting = await setUp({
    password: "open sesame",
    exec: async (command, { stdout }) => {
      const writer = stdout.getWriter();
      await writer.write(new TextEncoder().encode(command));
      return 0;
    },
    ...options,
  });
  const askpass = join(setting.dir, "askpass");
  await Deno.writeTextFile(askpass, `#!/bin/sh\necho '${typed}'\n`, {
    mode: 0o700,
  });
  return await run("env", [
    ...[`SSH_ASKPASS=${askpass}`, "SSH_ASKPASS_REQUIRE=force", "ssh"],
    ...["-o", "BatchMode=no", "-o", "PubkeyAuthentication=no"],
    ...["-o", "NumberOfPasswordPrompts=1", ...sshOptions],
    ...setting.args,
    "welcome",
  ]);
}

serverTest("ssh", "authenticate() accepts the password", async () => {
  assertEquals(await logIn({}, "open sesame"), "welcome");
});

serverTest(
  "ssh",
  "authenticate() accepts the password by keyboard-interactive",
  async () => {
    assertEquals(
      await logIn({ keyboardInteractive: true }, "open sesame"),
      "welcome",
    );
  },
);

for (const keyboardInteractive of [false, true]) {
  serverTest(
    "ssh",
    `authenticate() rejects a wrong password (keyboardInteractive: ${keyboardInteractive})`,
    async () => {
      const error = await assertRejects(
        () => logIn({ keyboardInteractive }, "open barley"),
        Error,
      );

      const left = keyboardInteractive ? "keyboard-interactive" : "password";
      assertMatch(
        error.message,
        new RegExp(`Permission denied \\(publickey,${left}\\)`),
      );
    },
  );
}

serverTest("ssh", "authenticate() rejects another user", async () => {
  const error = await assertRejects(
    () => logIn({}, "open sesame", "-l", "somebody"),
    Error,
  );

  assertMatch(error.message, /somebody@127\.0\.0\.1: Permission denied/);
});

serverTest(
  "ssh",
  "authenticate() rejects a key that is not listed",
  async () => {
    await using other = await setUp();
    const authorizedKeys = await Deno.readTextFile(join(other.dir, "key.pub"));
    await using setting = await setUp({
      authorizedKeys,
      exec: () => Promise.resolve(0),
    });

    const error = await assertRejects(
      () => run("ssh", [...setting.args, "true"]),
      Error,
    );

    assertMatch(error.message, /Permission denied \(publickey,password\)/);
  },
);

for (const type of ["rsa", "ecdsa", "ed25519"]) {
  serverTest("ssh", `authenticate() verifies ${type} keys`, async () => {
    const dir = await Deno.makeTempDir();
    try {
      const key = join(dir, "key");
      await run("ssh-keygen", ["-q", "-t", type, "-N", "", "-f", key]);
      const authorizedKeys = "# a comment\n\n" +
        await Deno.readTextFile(`${key}.pub`);
      await using setting = await setUp({
        authorizedKeys,
        exec: () => Promise.resolve(0),
      });

      await run("ssh", ["-i", key, ...setting.args, "true"]);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}
