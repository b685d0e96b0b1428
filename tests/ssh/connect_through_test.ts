import {
  ArgumentError,
  AuthenticationError,
  ConnectError,
  ConnectionLostError,
  HostKeyError,
} from "../../src/errors.ts";
import { connectThrough } from "../../src/ssh/connect_through.ts";
import type { ConnectOptions } from "../../src/ssh/connect_options.ts";
import { startTestServer } from "../../src/testing/mod.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { serverTest } from "../servers/availability.ts";
import { loginOptions } from "../servers/login_options.ts";
import { startSshd } from "../servers/openssh.ts";
import type { SshServer } from "../servers/ssh_server.ts";
import { startFullPort } from "../servers/tcp_server.ts";
import {
  assertSameBytes,
  noise,
  readAll,
  writeAndEnd,
} from "../testing/sockets.ts";
import { within } from "../within.ts";
import { forwarded } from "./contract/setting.ts";

/** So many servers. */
async function startServers(count: number) {
  await using stack = new AsyncDisposableStack();
  const servers: SshServer[] = [];
  while (servers.length < count) servers.push(stack.use(await startSshd()));
  const resources = stack.move();
  return {
    servers,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Waits until a server has no connections. */
async function deserted(server: SshServer): Promise<void> {
  while (server.killSessions("SIGCONT") > 0) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

for (const count of [2, 3]) {
  serverTest(
    "sshd",
    `connectThrough() carries 20 MB each way of a forwarded connection through ${count} servers`,
    async () => {
      await using it = await startServers(count);
      const last = it.servers.at(-1)!;
      await using connection = await connectThrough(
        it.servers.map((server) => loginOptions(server)),
      );
      assertEquals(connection.server.port, last.port);
      using ends = await forwarded(connection);
      const [up, down] = [noise(20_000_000), noise(20_000_000)];

      const [received, arrived] = await Promise.all([
        new Response(ends.channel.readable).bytes(),
        readAll(ends.program),
        writeAndEnd(ends.program, up),
        new Response(down).body!.pipeTo(ends.channel.writable),
      ]);

      assertSameBytes(received, up);
      assertSameBytes(arrived, down);
    },
  );
}

serverTest(
  "sshd",
  "connectThrough() ends the connections behind the last one with it",
  async () => {
    await using it = await startServers(3);
    const hops = it.servers.map((server) => loginOptions(server));
    const connection = await connectThrough(hops);
    for (const server of it.servers) assert(server.killSessions("SIGCONT") > 0);

    await within(10_000, "close()", connection.close());

    assertEquals(await connection.closed, { reason: "closed" });
    await within(10_000, "their ends", Promise.all(it.servers.map(deserted)));

    const lost = await connectThrough(hops);
    it.servers.at(-1)!.killSessions("SIGKILL");
    const { error } = await within(10_000, "its end", lost.closed);
    assert(!error!.message.includes("hop"), error!.message);
    await within(10_000, "their ends", Promise.all(it.servers.map(deserted)));
    await lost.close();
  },
);

serverTest(
  "sshd",
  "connectThrough() reports which hop was lost",
  async () => {
    await using it = await startServers(3);
    for (const [i, lost] of it.servers.slice(0, -1).entries()) {
      await using connection = await connectThrough(
        it.servers.map((server) => loginOptions(server)),
      );
      const asking = assertRejects(
        () => connection.requestForward({ hostname: "127.0.0.1", port: 0 }),
        ConnectionLostError,
      );

      lost.killSessions("SIGKILL");

      const { reason, error } = await within(10_000, "end", connection.closed);
      assertEquals(reason, "lost");
      assert(error instanceof ConnectionLostError);
      const name = `hop ${i + 1} (${lost.user}@${lost.hostname}:${lost.port})`;
      assert(error.cause instanceof ConnectionLostError);
      assertEquals(
        error.message,
        `${name} was lost: ${error.cause.message}`,
      );
      // It may have been answered before.
      await asking.catch(() => {});
      await connection.close();
      await within(10_000, "their ends", Promise.all(it.servers.map(deserted)));
    }
  },
);

serverTest(
  "sshd",
  "connectThrough() reports which hop it could not connect to, and leaves nothing behind",
  async () => {
    await using it = await startServers(2);
    const [first, last] = it.servers as [SshServer, SshServer];
    await using closed = await startFullPort();
    const stranger = { hostKeys: { text: "" } };
    const nobody = { user: "nobody-at-all" };
    const silent = { ...closed, connectTimeoutMs: 200 };
    const cases: [
      Partial<ConnectOptions>,
      Partial<ConnectOptions>,
      typeof HostKeyError | typeof AuthenticationError | typeof ConnectError,
      RegExp,
    ][] = [
      [stranger, {}, HostKeyError, /^hop 1 \(.*host key/],
      [{}, stranger, HostKeyError, /^hop 2 \(.*host key/],
      [
        nobody,
        {},
        AuthenticationError,
        /^hop 1 \(nobody-at-all@127.*refused the login/,
      ],
      [
        {},
        nobody,
        AuthenticationError,
        /^hop 2 \(nobody-at-all@127.*refused the login/,
      ],
      [silent, {}, ConnectError, /^hop 1 \(.*within 200 ms/],
      [{}, silent, ConnectError, /^hop 2 \(.*within 200 ms/],
      [{}, { port: 1 }, ConnectError, /^hop 2 .*could not reach.*refused/],
    ];
    for (const [one, two, type, message] of cases) {
      const error = await assertRejects<
        HostKeyError | AuthenticationError | ConnectError
      >(
        () =>
          connectThrough([loginOptions(first, one), loginOptions(last, two)]),
        type,
      );
      assertMatch(error.message, message);
      await within(10_000, "their ends", Promise.all(it.servers.map(deserted)));
    }
  },
);

serverTest(
  "sshd",
  "connectThrough() reports which hop was lost while it connects to the next",
  async () => {
    await using it = await startServers(3);
    const [first, second, last] = it.servers.map((server) =>
      loginOptions(server)
    ) as [ConnectOptions, ConnectOptions, ConnectOptions];
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<boolean>();
    const connecting = assertRejects(
      () =>
        connectThrough([first, second, {
          ...last,
          hostKeys: () => {
            asked.resolve();
            return answer.promise;
          },
        }]),
      ConnectionLostError,
    );
    await asked.promise;

    it.servers[0]!.killSessions("SIGKILL");

    const { message } = await within(10_000, "the end", connecting);
    assertMatch(message, /^hop 1 \(\S+\) was lost: /);
    answer.resolve(true);
    await within(10_000, "their ends", Promise.all(it.servers.map(deserted)));
  },
);

Deno.test("connectThrough() stops when the signal of the hop aborts, with its reason", async () => {
  await using server = await startTestServer();
  await using silent = await startFullPort();
  const { hostname, port, user, password, knownHosts } = server;
  const stop = new AbortController();
  const reason = new Error("enough");
  const first: ConnectOptions = {
    ...{ hostname, port, user, password },
    hostKeys: { text: knownHosts },
    signal: stop.signal,
  };
  const connecting = assertRejects(
    () => connectThrough([first, { ...first, ...silent }]),
    Error,
  );
  while (server.connections === 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  stop.abort(reason);
  assertEquals(await within(10_000, "the end", connecting), reason);
});

Deno.test("connectThrough() connects to a lone hop as connect() does", async () => {
  await using server = await startTestServer();
  const { hostname, port, user, password, knownHosts } = server;
  const hop = {
    hostname,
    port,
    user,
    password,
    hostKeys: { text: knownHosts },
  };
  await using connection = await connectThrough([hop]);
  assert(await connection.ping() > 0);

  const error = await assertRejects(
    () => connectThrough([{ ...hop, hostKeys: { text: "" } }]),
    HostKeyError,
  );
  assert(!error.message.includes("hop"));
});

Deno.test("connectThrough() names what cannot be a chain", async () => {
  const hop = { hostname: "127.0.0.1", port: 1, user: "alice" };
  const dial = () => Promise.reject(new Error("never"));
  const bad: [string, unknown][] = [
    ["hops", []],
    ["hops", undefined],
    ["hops[1].dial", [hop, { ...hop, dial }]],
  ];
  for (const [argument, hops] of bad) {
    const error = await assertRejects(
      () => connectThrough(hops as ConnectOptions[]),
      ArgumentError,
    );
    assertEquals(error.argument, argument);
  }
});
