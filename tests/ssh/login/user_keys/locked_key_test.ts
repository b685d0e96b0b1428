import { join } from "node:path";
import { ArgumentError, AuthenticationError } from "../../../../src/errors.ts";
import { connect } from "../../../../src/ssh/connect.ts";
import type {
  ConnectOptions,
  PrivateKey,
} from "../../../../src/ssh/connect_options.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../../assert.ts";
import { serverTest } from "../../../servers/availability.ts";
import { startSshd } from "../../../servers/openssh.ts";
import { run } from "../../../servers/run.ts";
import { startSshAgent } from "../../../servers/ssh_agent.ts";
import { keepingLogger } from "../../host_keys/host_key_fixture.ts";

const passphrase = "sesame öffne dich";

/** An encrypted key, and a server that accepts it. */
async function setUp(
  { type = "ed25519", format = "RFC4716", letIn = true } = {},
) {
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "rforward-locked-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));
  const file = join(dir, "key");
  await run("ssh-keygen", [
    ...["-q", "-t", type, "-m", format, "-a", "1"],
    ...["-N", passphrase, "-f", file],
  ]);
  const publicKey = (await Deno.readTextFile(`${file}.pub`)).trim();
  const server = stack.use(
    await startSshd({ authorizedKeys: letIn ? [publicKey] : [] }),
  );
  const resources = stack.move();
  const { hostname, port, user, knownHosts } = server;
  const options: ConnectOptions = {
    ...{ hostname, port, user },
    hostKeys: { text: knownHosts },
  };
  return {
    dir,
    file,
    server,
    options,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** The key, with a passphrase callback that gives one answer after the other. */
function asked(file: string, ...answers: (string | undefined)[]) {
  const asking = {
    count: 0,
    key: {
      file,
      passphrase: () => Promise.resolve(answers[asking.count++]),
    } as PrivateKey,
  };
  return asking;
}

for (
  const [type, format] of [
    ["ed25519", "RFC4716"],
    ["ecdsa", "RFC4716"],
    ["rsa", "RFC4716"],
    ["ecdsa", "PEM"],
    ["rsa", "PKCS8"],
  ] as const
) {
  serverTest(
    "sshd",
    `connect() asks for a passphrase (${type}, ${format}) once the server would take the key`,
    async () => {
      await using it = await setUp({ type, format });
      const asking = asked(it.file, passphrase);
      await using connection = await connect({
        ...it.options,
        privateKeys: [asking.key],
      });
      assertEquals(connection.server.user, it.server.user);
      assertEquals(asking.count, 1);

      await using other = await setUp({ type, format, letIn: false });
      const never = asked(other.file, passphrase);
      const error = await assertRejects(
        () => connect({ ...other.options, privateKeys: [never.key] }),
        AuthenticationError,
      );
      assertEquals(never.count, 0);
      const named = /^publickey SHA256:[\w+/]{43}( with rsa-sha2-256)?$/;
      for (const tried of error.tried) assertMatch(tried, named);
    },
  );
}

serverTest(
  "sshd",
  "connect() asks for the passphrase of PEM first, where nothing shows its public key",
  async () => {
    for (const letIn of [true, false]) {
      await using it = await setUp({ type: "ecdsa", format: "PEM", letIn });
      await Deno.remove(`${it.file}.pub`);
      const asking = asked(it.file, passphrase);
      const connecting = connect({ ...it.options, privateKeys: [asking.key] });
      if (letIn) await (await connecting).close();
      else await assertRejects(() => connecting, AuthenticationError);
      assertEquals(asking.count, 1);
    }
  },
);

serverTest(
  "sshd",
  "connect() does not sign with a key that is not that of the .pub file beside it",
  async () => {
    await using it = await setUp({ type: "ecdsa", format: "PEM" });
    const [mine, other] = [join(it.dir, "mine"), join(it.dir, "other")];
    await Deno.copyFile(it.file, mine);
    await run("ssh-keygen", ["-q", "-t", "ecdsa", "-N", "", "-f", other]);
    await Deno.copyFile(it.server.keyFile + ".pub", `${mine}.pub`);
    const error = await assertRejects(
      () =>
        connect({ ...it.options, privateKeys: [asked(mine, passphrase).key] }),
      AuthenticationError,
    );
    assertMatch(error.message, /mine is not the one of the \.pub file/);
  },
);

serverTest(
  "sshd",
  "connect() asks for a passphrase until it is right, up to a limit",
  async () => {
    await using it = await setUp();
    {
      const asking = asked(it.file, "wrong", "", passphrase);
      await using _ = await connect({
        ...it.options,
        privateKeys: [asking.key],
      });
      assertEquals(asking.count, 3);
    }
    const asking = asked(it.file, "a guess", "a guess", passphrase);
    const error = await assertRejects(
      () =>
        connect({ ...it.options, privateKeys: [asking.key], maxPrompts: 2 }),
      AuthenticationError,
    );
    assertEquals(asking.count, 2);
    assertEquals(error.code, "key-unreadable");
    assertMatch(
      error.message,
      /private key: \S+ cannot be decrypted with any of 2 passphrases/,
    );
    assert(!Deno.inspect(error, { depth: 10 }).includes("a guess"));
  },
);

serverTest(
  "sshd",
  "connect() continues without a key whose passphrase the user does not give",
  async () => {
    for (const format of ["RFC4716", "PEM"]) {
      await using it = await setUp({ type: "ecdsa", format });
      if (format === "PEM") await Deno.remove(`${it.file}.pub`);
      for (const optional of [false, true]) {
        const asking = optional
          ? asked(it.file, "1", "2", "3")
          : asked(it.file, undefined);
        const logger = keepingLogger();
        await using connection = await connect({
          ...it.options,
          privateKeys: [
            { ...asking.key, optional },
            { file: it.server.keyFile },
          ],
          logger,
        });
        assertEquals(connection.server.user, it.server.user);
        assertEquals(asking.count, optional ? 3 : 1);
        if (optional) {
          assertMatch(
            logger.messages.join("\n"),
            /^warn: Going on without a key: .* with any of 3 passphrases/,
          );
        }
      }
    }
  },
);

serverTest(
  "sshd",
  "connect() passes on what the passphrase callback throws, and names an answer of the wrong type",
  async () => {
    await using it = await setUp();
    const cause = new Error("no terminal");
    const error = await assertRejects(
      () =>
        connect({
          ...it.options,
          privateKeys: [{
            file: it.file,
            passphrase: () => {
              throw cause;
            },
          }],
        }),
      Error,
    );
    assertEquals(error, cause);

    const bad = (() => 1234) as unknown as () => string;
    const { argument } = await assertRejects(
      () =>
        connect({
          ...it.options,
          privateKeys: [{ file: it.file, passphrase: bad }],
        }),
      ArgumentError,
    );
    assertEquals(argument, "passphrase");
  },
);

serverTest(
  "sshd",
  "connect() asks for no passphrase where the agent has the key",
  async () => {
    await using it = await setUp();
    const open = join(it.dir, "open");
    await Deno.copyFile(it.file, open);
    await run("ssh-keygen", [
      ...["-q", "-p", "-P", passphrase, "-N", "", "-f", open],
    ]);
    await using agent = await startSshAgent([open]);
    const asking = asked(it.file, passphrase);
    {
      await using _ = await connect({
        ...it.options,
        privateKeys: [asking.key],
        agent: agent.socket,
        agentKeys: [],
      });
      assertEquals(asking.count, 0);
    }
    // One that is not there does not have it.
    await using _ = await connect({
      ...it.options,
      privateKeys: [asking.key],
      agent: `${agent.socket}.missing`,
    });
    assertEquals(asking.count, 1);
  },
);
