import { join } from "node:path";
import {
  AuthenticationError,
  ConnectError,
  RForwardError,
} from "../../../src/errors.ts";
import { connect } from "../../../src/ssh/connect.ts";
import { verifySignature } from "../../../src/ssh/keys/public/verify_signature.ts";
import { Agent } from "../../../src/ssh/login/agent.ts";
import type { ConnectOptions } from "../../../src/ssh/connect_options.ts";
import { startTestServer } from "../../../src/testing/mod.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { startSshd } from "../../servers/openssh.ts";
import { run } from "../../servers/run.ts";
import { startSshAgent } from "../../servers/ssh_agent.ts";
import { packageUrl, runDeno } from "../../run_deno.ts";
import { within } from "../../within.ts";

// Numbers of the agent protocol (draft-ietf-sshm-ssh-agent section 5).
const FAILURE = 5;
const IDENTITIES_ANSWER = 12;
const EXTENSION = 27;

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

/** A test server, and an agent that handles each request as the test says. */
async function setUp(serve: (conn: Deno.Conn) => Promise<void>) {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(
    await startTestServer({
      authorizedKeys:
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8Nm5YyJ8dW2nF1Tt6rT2wF8RZxGJ8tqJ6c4mT6hX0u",
    }),
  );
  const dir = await Deno.makeTempDir({ prefix: "rforward-agent-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));
  const path = join(dir, "socket");
  const listener = Deno.listen({ transport: "unix", path });
  const live = new Set<Deno.Conn>();
  const accepting = (async () => {
    for await (const conn of listener) {
      live.add(conn);
      serve(conn).catch(() => {}).finally(() => {
        if (live.delete(conn)) conn.close();
      });
    }
  })();
  stack.defer(async () => {
    listener.close();
    await accepting;
    for (const conn of live) conn.close();
    live.clear();
  });
  const resources = stack.move();
  const options: ConnectOptions = {
    hostname: server.hostname,
    port: server.port,
    user: server.user,
    agent: path,
    hostKeys: { text: server.knownHosts },
  };
  return {
    server,
    path,
    live,
    options,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

const strangers: [string, (conn: Deno.Conn) => Promise<void>, RegExp][] = [
  ["closes at once", () => Promise.resolve(), /which failed: /],
  ["refuses", (conn) => answer(conn, [FAILURE]), /which failed: it refused/],
  [
    "answers cut short",
    (conn) => answer(conn, [IDENTITIES_ANSWER, 0, 0, 0, 9]),
    /which failed: the message is cut short/,
  ],
  ["answers nothing", (conn) => answer(conn, []), /cut short/],
  [
    "has no keys",
    (conn) => answer(conn, [IDENTITIES_ANSWER, 0, 0, 0, 0]),
    /with 0 keys/,
  ],
  [
    "has strange keys",
    (conn) =>
      answer(conn, [IDENTITIES_ANSWER, 0, 0, 0, 1, 0, 0, 0, 1, 9, 0, 0, 0, 0]),
    /with 0 keys/,
  ],
  [
    "announces gigabytes",
    async (conn) => {
      await request(conn);
      await conn.write(Uint8Array.of(0xff, 0xff, 0xff, 0xff));
      await conn.read(new Uint8Array(100));
    },
    /its answer has 4294967295 bytes/,
  ],
];

/** Reads a request; like an old agent, it does not know what session it is for. */
async function request(conn: Deno.Conn): Promise<void> {
  const room = new Uint8Array(10_000);
  while (await conn.read(room) !== null && room[4] === EXTENSION) {
    await conn.write(Uint8Array.of(0, 0, 0, 1, FAILURE));
  }
}

async function answer(conn: Deno.Conn, message: number[]): Promise<void> {
  await request(conn);
  await conn.write(Uint8Array.of(0, 0, 0, message.length, ...message));
  await conn.read(new Uint8Array(100));
}

for (const [what, serve, message] of strangers) {
  Deno.test(`connect() continues without an agent that ${what}, and logs that`, async () => {
    await using it = await setUp(serve);
    const error = await assertRejects(
      () => connect(it.options),
      AuthenticationError,
    );
    assertMatch(error.message, message);
    assertMatch(error.tried[0]!, new RegExp(`^agent ${it.path}`));
    assertEquals(error.agentFailed, !message.source.includes("with 0 keys"));

    await using connection = await connect({
      ...it.options,
      password: it.server.password,
    });
    assertEquals(connection.server.user, it.server.user);
  });
}

Deno.test("connect() continues without an agent that does not exist", async () => {
  await using it = await setUp(() => Promise.resolve());
  await using connection = await connect({
    ...it.options,
    agent: `${it.path}.missing`,
    password: it.server.password,
  });
  assertEquals(connection.server.user, it.server.user);
});

Deno.test("connect() closes its connection to an agent that does not answer", async () => {
  const left = Promise.withResolvers<void>();
  await using it = await setUp(async (conn) => {
    while (await conn.read(new Uint8Array(100)) !== null);
    left.resolve();
  });

  const error = await assertRejects(
    () => connect({ ...it.options, connectTimeoutMs: 1000 }),
    ConnectError,
  );

  assertEquals(error.code, "connect-timeout");
  assertMatch(error.message, /the SSH agent did not answer within 1000 ms/);
  await within(1000, "the agent's end", left.promise);
});

Deno.test("connect() leaves an agent that does not answer when the signal aborts or the server goes", async () => {
  for (const how of ["signal", "server"]) {
    const asked = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    await using it = await setUp(async (conn) => {
      await conn.read(new Uint8Array(100));
      asked.resolve();
      while (await conn.read(new Uint8Array(100)) !== null);
      left.resolve();
    });
    const stop = new AbortController();
    const connecting = assertRejects(
      () => connect({ ...it.options, signal: stop.signal }),
      Error,
    );
    await asked.promise;

    if (how === "signal") stop.abort(new Error("enough"));
    else await it.server.disconnectAll();

    const error = await within(1000, "connect()", connecting);
    if (how === "signal") assertEquals(error.message, "enough");
    else assert(error instanceof ConnectError, error.message);
    await within(1000, "the agent's end", left.promise);
  }
});

Deno.test("connect() says that there is no agent, or what Deno has to permit", async () => {
  await using it = await setUp(() => Promise.resolve());
  const { options, path } = it;
  const failureOf = async (agent: true | string, ...permissions: string[]) => {
    const { stdout } = await runDeno({
      script: `
        import { connect } from "${packageUrl}";
        await connect(JSON.parse(Deno.args[0])).catch((error) =>
          console.log(error.name, error.code, error.message));`,
      argument: { ...options, agent },
      permissions: [
        `--allow-net=${options.hostname}:${options.port}`,
        ...permissions,
      ],
    });
    return stdout;
  };

  assertMatch(
    await failureOf(true),
    /^RForwardError permission-denied .*--allow-env=SSH_AUTH_SOCK\n$/,
  );
  assertMatch(
    await failureOf(true, "--allow-env=SSH_AUTH_SOCK"),
    /^AuthenticationError key-unreadable no agent: SSH_AUTH_SOCK is not set/,
  );
  assertMatch(
    await failureOf(path),
    new RegExp(`^RForwardError permission-denied .*--allow-read=${path} `),
  );
});

Deno.test("connect() does not mistake an agent's failure for a lack of permission", async () => {
  await using it = await setUp(() => Promise.resolve());
  const error = await assertRejects(
    () => connect({ ...it.options, agent: "/" }),
    RForwardError,
  );
  assertEquals(error.code, "authentication-failed");
});
