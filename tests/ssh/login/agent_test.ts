/** Logins with the keys of an agent. */
import { join } from "node:path";
import { AuthenticationError } from "../../../src/errors.ts";
import { connect } from "../../../src/ssh/connect.ts";
import { verifySignature } from "../../../src/ssh/keys/public/verify_signature.ts";
import { Agent } from "../../../src/ssh/login/agent.ts";
import type { ConnectOptions } from "../../../src/ssh/connect_options.ts";
import { assertEquals, assertMatch, assertRejects } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { startSshd } from "../../servers/openssh.ts";
import { run } from "../../servers/run.ts";
import { startSshAgent } from "../../servers/ssh_agent.ts";
import { packageUrl, runDeno } from "../../run_deno.ts";

for (const kind of [["ed25519"], ["ecdsa"], ["rsa", "-b", "2048"]]) {
  serverTest(
    "sshd",
    `connect() logs in with an agent's key (${
      kind[0]
    }), after others that do not fit`,
    async () => {
      await using stack = new AsyncDisposableStack();
      const dir = await Deno.makeTempDir({ prefix: "rforward-agent-" });
      stack.defer(() => Deno.remove(dir, { recursive: true }));
      const [wrong, right] = [join(dir, "wrong"), join(dir, "right")];
      await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", wrong]);
      await run("ssh-keygen", ["-q", "-t", ...kind, "-N", "", "-f", right]);
      const agent = stack.use(await startSshAgent([wrong, right]));
      const server = stack.use(
        await startSshd({
          authorizedKeys: [(await Deno.readTextFile(`${right}.pub`)).trim()],
        }),
      );

      await using connection = await connect({
        ...{ hostname: server.hostname, port: server.port, user: server.user },
        agent: agent.socket,
        hostKeys: { text: server.knownHosts },
      });

      assertEquals(connection.server.user, server.user);
    },
  );
}

/** An agent with three keys, and a server that takes one of them and cuts off after the first that it does not. */
async function threeKeys() {
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "rforward-agent-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));
  const files = ["first", "second", "third"].map((name) => join(dir, name));
  for (const file of files) {
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
  }
  const agent = stack.use(await startSshAgent(files));
  const server = stack.use(
    await startSshd({
      authorizedKeys: [(await Deno.readTextFile(`${files[2]}.pub`)).trim()],
      config: ["MaxAuthTries 1"],
    }),
  );
  const resources = stack.move();
  return {
    files: files as [string, string, string],
    agent,
    options: {
      ...{ hostname: server.hostname, port: server.port, user: server.user },
      agent: agent.socket,
      hostKeys: { text: server.knownHosts },
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

serverTest(
  "sshd",
  "connect() offers of an agent's keys only those that are asked for",
  async () => {
    await using it = await threeKeys();
    const [first, second, third] = it.files;
    const missing = { file: `${third}.missing`, optional: true };
    const text = await Deno.readTextFile(`${third}.pub`);
    for (const key of [{ file: `${third}.pub` }, { file: third }, { text }]) {
      await using connection = await connect({
        ...it.options,
        agentKeys: [missing, key],
      });
      assertEquals(connection.signal.aborted, false);
    }

    const failure = (changes: Partial<ConnectOptions>) =>
      assertRejects(
        () => connect({ ...it.options, ...changes }),
        AuthenticationError,
      );
    assertMatch((await failure({})).message, /Too many .*with 3 keys/);
    assertMatch((await failure({ agentKeys: [] })).message, /with 0 keys/);
    assertMatch(
      (await failure({ agentKeys: [{ file: first }, { file: second }] }))
        .message,
      /Too many .*with 2 keys/,
    );
  },
);

serverTest(
  "sshd",
  "connect() offers an agent's key that is named by its public half before all others",
  async () => {
    await using it = await threeKeys();
    const third = `${it.files[2]}.pub`;
    await using connection = await connect({
      ...it.options,
      privateKeys: [{ file: third }],
    });
    assertEquals(connection.signal.aborted, false);

    await using empty = await startSshAgent([]);
    const error = await assertRejects(
      () =>
        connect({
          ...it.options,
          agent: empty.socket,
          privateKeys: [{ file: third }],
        }),
      AuthenticationError,
    );
    assertMatch(
      error.tried.join(),
      /^publickey SHA256:\S+ \(agent \S+, which does not hold it\),agent/,
    );
    assertEquals(error.agentFailed, false);
  },
);

serverTest(
  "sshd",
  "connect() offers no key of an agent that it has offered before",
  async () => {
    await using it = await threeKeys();
    const [first, , third] = it.files;
    await using server = await startSshd({
      authorizedKeys: [(await Deno.readTextFile(`${third}.pub`)).trim()],
      config: ["MaxAuthTries 2"],
    });
    await using connection = await connect({
      ...it.options,
      port: server.port,
      hostKeys: { text: server.knownHosts },
      privateKeys: [{ file: first }],
      agentKeys: [{ file: first }, { file: third }],
    });
    assertEquals(connection.signal.aborted, false);
  },
);

for (const count of [0, 8]) {
  serverTest(
    ["sshd", "useradd"],
    `connect() logs in where the server requires a key of an agent with ${count} others, and then a password`,
    async () => {
      await using stack = new AsyncDisposableStack();
      const dir = await Deno.makeTempDir({ prefix: "rforward-agent-" });
      stack.defer(() => Deno.remove(dir, { recursive: true }));
      const others = Array.from({ length: count }, (_, i) => join(dir, `${i}`));
      for (const file of others) {
        await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
      }
      await using server = await startSshd({
        passwordUser: true,
        config: ["AuthenticationMethods publickey,password"],
      });
      const agent = stack.use(await startSshAgent([server.keyFile, ...others]));
      const options: ConnectOptions = {
        ...{ hostname: server.hostname, port: server.port, user: server.user },
        agent: agent.socket,
        hostKeys: { text: server.knownHosts },
      };

      await using connection = await connect({
        ...options,
        password: server.password!,
      });
      assertEquals(connection.server.user, server.user);

      const error = await assertRejects(
        () => connect(options),
        AuthenticationError,
      );
      assertEquals(error.acceptable, ["password"]);
    },
  );
}

serverTest(
  "sshd",
  "connect() logs in where the server requires two keys of an agent",
  async () => {
    await using it = await threeKeys();
    const [first, second] = it.files;
    await using server = await startSshd({
      authorizedKeys: [
        (await Deno.readTextFile(`${first}.pub`)).trim(),
        (await Deno.readTextFile(`${second}.pub`)).trim(),
      ],
      config: ["AuthenticationMethods publickey,publickey"],
    });
    await using connection = await connect({
      ...it.options,
      port: server.port,
      hostKeys: { text: server.knownHosts },
    });
    assertEquals(connection.signal.aborted, false);
  },
);

serverTest(
  "ssh",
  "Agent has the keys of an agent, and signs with them",
  async () => {
    await using it = await threeKeys();
    const over = new AbortController();
    const binding = {
      ...{ hostKey: new Uint8Array(), sessionId: new Uint8Array() },
      signature: new Uint8Array(),
    };
    const agent = new Agent(it.agent.socket, binding, over.signal);
    const keys = await agent.keys();
    assertEquals(keys.length, 3);
    const data = new TextEncoder().encode("what is signed");
    for (const { blob, algorithms, sign } of keys) {
      const [algorithm] = algorithms;
      await verifySignature(
        algorithm!,
        blob,
        data,
        await sign(algorithm!, data),
      );
    }
    over.abort();
    await assertRejects(() => agent.keys(), DOMException);

    const missing = new Agent(
      `${it.agent.socket}.missing`,
      binding,
      new AbortController().signal,
    );
    await assertRejects(() => missing.keys(), Deno.errors.NotFound);
  },
);

serverTest(
  "sshd",
  "connect() finds the agent that SSH_AUTH_SOCK names",
  async () => {
    await using server = await startSshd();
    await using agent = await startSshAgent([server.keyFile]);
    const { hostname, port, user } = server;
    const { socket } = agent;

    const { stdout, stderr } = await runDeno({
      script: `
        import { connect } from "${packageUrl}";
        await using connection = await connect(JSON.parse(Deno.args[0]));
        console.log("in");`,
      argument: {
        ...{ hostname, port, user },
        agent: true,
        hostKeys: { text: server.knownHosts },
      },
      env: { SSH_AUTH_SOCK: socket },
      permissions: [
        `--allow-net=${hostname}:${port},unix:${socket}`,
        `--allow-read=${socket}`,
        `--allow-write=${socket}`,
        "--allow-env=SSH_AUTH_SOCK",
      ],
    });

    assertEquals(stdout, "in\n", stderr);
  },
);
