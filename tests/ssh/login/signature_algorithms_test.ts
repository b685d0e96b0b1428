import { join } from "node:path";
import { AuthenticationError } from "../../../src/errors.ts";
import { defaultUserKeyAlgorithms } from "../../../src/ssh/keys/public/user_key_algorithms.ts";
import { connect } from "../../../src/ssh/connect.ts";
import { signatureAlgorithms } from "../../../src/ssh/login/signature_algorithms.ts";
import type { ConnectOptions } from "../../../src/ssh/connect_options.ts";
import { assertEquals, assertMatch, assertRejects } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { type Sshd, startSshd } from "../../servers/openssh.ts";
import { run } from "../../servers/run.ts";
import { startSshAgent } from "../../servers/ssh_agent.ts";

const userKey = defaultUserKeyAlgorithms;
const sha2 = ["rsa-sha2-512", "rsa-sha2-256"];

Deno.test("signatureAlgorithms() takes of RSA's what both sides know, SHA-512 first", () => {
  assertEquals(signatureAlgorithms("ssh-rsa", userKey), sha2);
  assertEquals(
    signatureAlgorithms("ssh-rsa", userKey, [...sha2].reverse()),
    sha2,
  );
  assertEquals(
    signatureAlgorithms("ssh-rsa", userKey, ["ssh-rsa", "rsa-sha2-256"]),
    ["rsa-sha2-256"],
  );
  assertEquals(signatureAlgorithms("ssh-rsa", userKey, ["ssh-rsa"]), []);
});

Deno.test("signatureAlgorithms() signs with SHA-1 only if asked to, and first where the server is as old", () => {
  const accepted = [...userKey, "ssh-rsa"];
  assertEquals(signatureAlgorithms("ssh-rsa", accepted), ["ssh-rsa", ...sha2]);
  assertEquals(
    signatureAlgorithms("ssh-rsa", accepted, ["ssh-rsa", "rsa-sha2-512"]),
    ["rsa-sha2-512", "ssh-rsa"],
  );
});

Deno.test("signatureAlgorithms() leaves DSA out by default", () => {
  assertEquals(signatureAlgorithms("ssh-ed25519", userKey, []), [
    "ssh-ed25519",
  ]);
  assertEquals(signatureAlgorithms("ssh-dss", userKey), []);
  assertEquals(signatureAlgorithms("ssh-dss", ["ssh-dss"]), ["ssh-dss"]);
});

/** A key of a kind, and how to make servers that it opens. */
async function keyOf(...kind: string[]) {
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "rforward-login-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));
  const file = join(dir, "key");
  await run("ssh-keygen", ["-q", "-t", ...kind, "-N", "", "-f", file]);
  const authorizedKeys = [(await Deno.readTextFile(`${file}.pub`)).trim()];
  const resources = stack.move();
  return {
    file,
    server: (config: string[]) => startSshd({ config, authorizedKeys }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function to(server: Sshd, more: Partial<ConnectOptions>): ConnectOptions {
  const { hostname, port, user, knownHosts } = server;
  return { hostname, port, user, hostKeys: { text: knownHosts }, ...more };
}

serverTest(
  "sshd",
  "connect() logs in with RSA whichever hash function the server accepts",
  async () => {
    await using key = await keyOf("rsa", "-b", "2048");
    await using agent = await startSshAgent([key.file]);
    for (const algorithm of sha2) {
      await using server = await key.server([
        `PubkeyAcceptedAlgorithms ${algorithm}`,
      ]);
      for (
        const login of [
          { privateKeys: [{ file: key.file }] },
          {
            agent: agent.socket,
            privateKeys: [{ file: `${key.file}.pub` }],
          },
        ]
      ) {
        await using connection = await connect(to(server, login));
        assertEquals(connection.server.user, server.user, algorithm);
      }
    }
  },
);

serverTest(
  "sshd",
  "connect() says with which algorithms it tried an RSA key",
  async () => {
    await using key = await keyOf("rsa", "-b", "2048");
    await using server = await startSshd();
    const privateKeys = [{ file: key.file }];
    const failure = (userKey?: string[]) =>
      assertRejects(
        () =>
          connect(to(server, {
            privateKeys,
            ...userKey && { algorithms: { userKey } },
          })),
        AuthenticationError,
      );
    const [first, second, ...more] = (await failure()).tried;
    assertMatch(first!, /^publickey SHA256:\S+$/);
    assertEquals(second, `${first} with rsa-sha2-256`);
    assertEquals(more, []);
    assertEquals((await failure(["rsa-sha2-512"])).tried, [first!]);
    assertEquals((await failure(["ssh-ed25519"])).tried, []);
  },
);

serverTest(
  "sshd",
  "connect() offers a DSA key only if it is asked to",
  async () => {
    await using key = await keyOf("dsa");
    await using server = await key.server([
      "PubkeyAcceptedAlgorithms +ssh-dss",
    ]);
    await using agent = await startSshAgent([key.file]);
    const { tried, message } = await assertRejects(
      () =>
        connect(to(server, {
          privateKeys: [{ file: key.file }],
          agent: agent.socket,
        })),
      AuthenticationError,
    );
    assertEquals(tried, [`agent ${agent.socket} with 0 keys`]);
    assertMatch(message, /SHA256:\S+ is of type ssh-dss, which is not offered/);

    const algorithms = { userKey: [...userKey, "ssh-dss"] };
    for (
      const login of [
        { privateKeys: [{ file: key.file }] },
        { agent: agent.socket },
      ]
    ) {
      await using connection = await connect(
        to(server, { ...login, algorithms }),
      );
      assertEquals(connection.server.user, server.user);
    }
  },
);
