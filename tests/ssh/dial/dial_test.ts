import {
  ArgumentError,
  ConnectError,
  ConnectionLostError,
} from "../../../src/errors.ts";
import { connect } from "../../../src/ssh/connect.ts";
import type { ConnectOptions } from "../../../src/ssh/connect_options.ts";
import type {
  DialRequest,
  Transport,
} from "../../../src/ssh/dial/transport.ts";
import { startTestServer } from "../../../src/testing/mod.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { freePort } from "../../servers/free_port.ts";
import { loginOptions } from "../../servers/login_options.ts";
import { startSshd } from "../../servers/openssh.ts";
import { sshArguments, type SshServer } from "../../servers/ssh_server.ts";
import { startTcpServer } from "../../servers/tcp_server.ts";
import {
  assertSameBytes,
  noise,
  readAll,
  writeAndEnd,
} from "../../testing/sockets.ts";
import { within } from "../../within.ts";
import { forwarded } from "../contract/setting.ts";

/** A program that reaches the server, as ProxyCommand has it. */
function proxyCommand(program: string, ...args: string[]) {
  const started = Promise.withResolvers<Deno.ChildProcess>();
  return {
    child: started.promise,
    dial(): Promise<Transport> {
      const child = new Deno.Command(program, {
        args,
        stdin: "piped",
        stdout: "piped",
        stderr: "null",
      }).spawn();
      started.resolve(child);
      return Promise.resolve({
        readable: child.stdout,
        writable: child.stdin,
        async close() {
          try {
            child.kill("SIGHUP"); // as ssh does
          } catch {
            // It has ended already.
          }
          await child.status;
        },
      });
    },
  };
}

/** `ssh -W` through one server to another. */
function throughSsh(via: SshServer, to: SshServer) {
  const options = sshArguments(via);
  return proxyCommand("ssh", "-W", `${to.hostname}:${to.port}`, ...options);
}

serverTest(
  "sshd",
  "connect() carries 20 MB each way through the program that dial starts",
  async () => {
    await using via = await startSshd();
    await using server = await startSshd();
    const { child, dial } = throughSsh(via, server);
    const connection = await connect({ ...loginOptions(server), dial });
    {
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
    }

    await within(10_000, "close()", connection.close());

    assertEquals(await connection.closed, { reason: "closed" });
    await within(10_000, "the program's end", (await child).status);
  },
);

serverTest(
  "sshd",
  "a connection is lost with the program that dial started",
  async () => {
    await using via = await startSshd();
    await using server = await startSshd();
    const { child, dial } = throughSsh(via, server);
    await using connection = await connect({ ...loginOptions(server), dial });
    using ends = await forwarded(connection);
    const reading = assertRejects(
      () => ends.channel.readable.getReader().read(),
      ConnectionLostError,
    );

    (await child).kill("SIGKILL");

    const { reason, error } = await within(10_000, "end", connection.closed);
    assertEquals(reason, "lost");
    assertEquals(await reading, error);
  },
);

for (
  const [what, script, connectTimeoutMs, message] of [
    [
      "ends at once",
      "exit 1",
      20_000,
      /the connection to \S+ ended before the server identified itself/,
    ],
    [
      "writes what is not SSH",
      "echo 'no route to host'; read greeting",
      20_000,
      /does not speak SSH 2: it said "no route to host"/,
    ],
    [
      "says nothing",
      "cat >/dev/null",
      300,
      /said nothing within 300 ms; is it an SSH server/,
    ],
  ] as const
) {
  Deno.test(`connect() reports a program that ${what}`, async () => {
    const { child, dial } = proxyCommand("sh", "-c", script);
    const error = await assertRejects(
      () =>
        connect({
          ...{ hostname: "server.example", user: "alice" },
          hostKeys: { text: "" },
          connectTimeoutMs,
          dial,
        }),
      ConnectError,
    );
    assertMatch(error.message, message);
    assertMatch(error.message, /server\.example:22/);
    await within(10_000, "the program's end", (await child).status);
  });
}

/** A test server, and options that log in to it over streams that a test can break. */
async function setUp() {
  const server = await startTestServer();
  const stop = new AbortController();
  const requests: DialRequest[] = [];
  let closed = 0;
  const options: ConnectOptions = {
    hostname: "inner.example",
    port: 2222,
    user: server.user,
    password: server.password,
    hostKeys: {
      text: server.knownHosts.replace(/^\S+/, "[inner.example]:2222"),
    },
    async dial(to) {
      requests.push(to);
      const { hostname, port } = server;
      const conn = await Deno.connect({ hostname, port });
      const { signal } = stop;
      // Streams that keep the chunks they are given, and yield pieces of any size.
      const up = new TransformStream<Uint8Array, Uint8Array>(
        {},
        new CountQueuingStrategy({ highWaterMark: 8 }),
        new CountQueuingStrategy({ highWaterMark: 8 }),
      );
      up.readable.pipeTo(conn.writable, { signal }).catch(() => {});
      return {
        readable: conn.readable.pipeThrough(new TransformStream(), { signal }),
        writable: up.writable,
        close: () => void closed++,
      };
    },
  };
  return {
    server,
    options,
    requests,
    break: (error: Error) => stop.abort(error),
    get closed() {
      return closed;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

Deno.test("connect() verifies the host key of the host that is named, however it is reached", async () => {
  await using it = await setUp();
  {
    await using connection = await connect(it.options);
    assertEquals(connection.server.hostname, "inner.example");
    assert(await connection.ping() > 0);
  }
  assertEquals(
    it.requests.map(({ hostname, port }) => [hostname, port]),
    [["inner.example", 2222]],
  );
  assertEquals(it.closed, 1);
});

Deno.test("connect() lends a stream no buffer that it uses again", async () => {
  await using it = await setUp();
  await using connection = await connect(it.options);
  using ends = await forwarded(connection);
  const down = noise(5_000_000);
  const [arrived] = await Promise.all([
    readAll(ends.program),
    new Response(down).body!.pipeTo(ends.channel.writable),
  ]);
  assertSameBytes(arrived, down);
});

Deno.test("a connection whose stream breaks is lost, with the stream's error", async () => {
  await using it = await setUp();
  await using connection = await connect(it.options);
  const broken = new Error("the cable was pulled");

  it.break(broken);

  const { reason, error } = await within(10_000, "its end", connection.closed);
  assertEquals(reason, "lost");
  assert(error instanceof ConnectionLostError);
  assertMatch(error.message, /^the connection broke: the cable was pulled$/);
  assertEquals(error.cause, broken);
  await connection.close();
  assertEquals(it.closed, 1);
});

Deno.test("connect() reports why dial could not reach the server", async () => {
  await using it = await setUp();
  const cause = new Error("no way");
  for (
    const dial of [
      () => Promise.reject(cause),
      () => {
        throw cause;
      },
    ]
  ) {
    const error = await assertRejects(
      () => connect({ ...it.options, dial }),
      ConnectError,
    );
    assertEquals(error.code, "connect-failed");
    assertEquals(
      error.message,
      "could not reach inner.example:2222: no way",
    );
    assertEquals(error.cause, cause);
  }
});

Deno.test("connect() names a dial that gives nothing to read and write", async () => {
  await using it = await setUp();
  const locked = new TransformStream<Uint8Array, Uint8Array>();
  locked.readable.getReader();
  for (const transport of [undefined, {}, locked]) {
    const error = await assertRejects(
      () =>
        connect({
          ...it.options,
          dial: () => Promise.resolve(transport as Transport),
        }),
      ArgumentError,
    );
    assertEquals(error.argument, "dial");
  }
});

Deno.test("connect() closes what dial returns after the attempt has ended", async () => {
  await using it = await setUp();
  const closed = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<Transport>();
  let asked: AbortSignal | undefined;
  const error = await assertRejects(
    () =>
      connect({
        ...it.options,
        connectTimeoutMs: 50,
        dial({ signal }) {
          asked = signal;
          return reached.promise;
        },
      }),
    ConnectError,
  );
  assertEquals(error.code, "connect-timeout");
  assertEquals(asked!.reason, error);

  const { readable, writable } = new TransformStream();
  reached.resolve({ readable, writable, close: closed.resolve });
  await within(10_000, "close()", closed.promise);
});

Deno.test("connect() tries to reach the server as often as it is asked to, a second apart", async () => {
  const port = freePort();
  const options = {
    ...{ hostname: "127.0.0.1", port, user: "alice" },
    hostKeys: { text: "" },
  };
  const started = performance.now();
  const error = await assertRejects(
    () => connect({ ...options, connectionAttempts: 2 }),
    ConnectError,
  );
  assertEquals(error.code, "connect-failed");
  const lasted = performance.now() - started;
  assert(lasted > 900, `${lasted} ms`);

  const signal = AbortSignal.timeout(50);
  const reason = await within(
    10_000,
    "connect()",
    assertRejects(
      () => connect({ ...options, connectionAttempts: 9, signal }),
      DOMException,
    ),
  );
  assertEquals(reason, signal.reason);
});

Deno.test("connect() does not try again after a handshake that failed", async () => {
  let connections = 0;
  await using server = startTcpServer(() => {
    connections++;
    return Promise.resolve();
  });
  const error = await assertRejects(
    () =>
      connect({
        ...{ hostname: server.hostname, port: server.port, user: "alice" },
        hostKeys: { text: "" },
        connectionAttempts: 3,
      }),
    ConnectError,
  );
  assertEquals(error.code, "protocol-error");
  assertEquals(connections, 1);
});

Deno.test("connect() says that a port does not belong into the host", async () => {
  const error = await assertRejects(
    () => connect({ hostname: "server.example:2222", user: "alice" }),
    ArgumentError,
  );
  assertEquals(
    error.message,
    'hostname: "server.example:2222" has a port in it; give host and port apart',
  );
});

Deno.test("connect() refuses a host with a colon that is no IPv6 address", async () => {
  for (const hostname of ["server.example:ssh", "server.example:", ":2222"]) {
    const error = await assertRejects(
      () => connect({ hostname, user: "alice" }),
      ArgumentError,
    );
    assertEquals(
      error.message,
      `hostname: "${hostname}" is not a valid host; use a name or an IP address`,
    );
  }
});
