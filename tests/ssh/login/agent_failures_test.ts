/** Agents that are missing, answer nonsense or do not answer. */
import { join } from "node:path";
import {
  AuthenticationError,
  ConnectError,
  RForwardError,
} from "../../../src/errors.ts";
import { connect } from "../../../src/ssh/connect.ts";
import type { ConnectOptions } from "../../../src/ssh/connect_options.ts";
import { startTestServer } from "../../../src/testing/mod.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";
import { packageUrl, runDeno } from "../../run_deno.ts";
import { within } from "../../within.ts";

// Numbers of the agent protocol (draft-ietf-sshm-ssh-agent section 5).
const FAILURE = 5;
const IDENTITIES_ANSWER = 12;
const EXTENSION = 27;

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
    () => connect({ ...it.options, connectTimeoutMs: 2000 }),
    ConnectError,
  );

  assertEquals(error.code, "connect-timeout");
  assertMatch(error.message, /the SSH agent did not answer within 2000 ms/);
  await within(10_000, "the agent's end", left.promise);
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

    const error = await within(10_000, "connect()", connecting);
    if (how === "signal") assertEquals(error.message, "enough");
    else assert(error instanceof ConnectError, error.message);
    await within(10_000, "the agent's end", left.promise);
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
