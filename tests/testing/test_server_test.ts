import { join } from "node:path";
import {
  startTestServer,
  type TestServer,
  type TestServerOptions,
} from "../../src/testing/mod.ts";
import { ArgumentError } from "../../src/errors.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { isRefused } from "../forward/rig.ts";
import { serverTest } from "../servers/availability.ts";
import { freePort } from "../servers/free_port.ts";
import { run } from "../servers/run.ts";
import { setUp, startSsh } from "./open_ssh.ts";
import { assertSameBytes, noise, readAll, writeAndEnd } from "./sockets.ts";

/** The port of the first forward. */
function boundPort(server: TestServer): number {
  const [bind] = server.forwards;
  assert(bind && "port" in bind, "no TCP port is bound");
  return bind.port;
}

function listen(): Deno.TcpListener {
  return Deno.listen({ hostname: "127.0.0.1", port: 0 });
}

/** A port that refuses connections. */
/** A test server whose port `ssh -R` forwards to a target on this side. */
async function startForward() {
  await using stack = new AsyncDisposableStack();
  const setting = stack.use(await setUp());
  const target = stack.use(listen());
  const to = `127.0.0.1:${target.addr.port}`;
  stack.use(await startSsh(setting, "-R", `127.0.0.1:0:${to}`));
  const resources = stack.move();
  return {
    target,
    /** The port on the server. */
    port: boundPort(setting.server),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

const MIB = 1024 * 1024;

serverTest(
  "ssh",
  "startTestServer() carries a forward with half-close by the program",
  async () => {
    await using forwarded = await startForward();
    const { target } = forwarded;
    const [request, reply] = [noise(5 * MIB), noise(5 * MIB)];

    using program = await Deno.connect({ port: forwarded.port });
    using conn = await target.accept();
    const [received] = await Promise.all([
      readAll(conn),
      writeAndEnd(program, request),
    ]);
    const [answer] = await Promise.all([
      readAll(program),
      writeAndEnd(conn, reply),
    ]);

    assertSameBytes(received, request);
    assertSameBytes(answer, reply);
  },
);

serverTest(
  "ssh",
  "startTestServer() carries a forward with half-close by the target",
  async () => {
    await using forwarded = await startForward();
    const { target } = forwarded;
    const upload = noise(5 * MIB);

    using program = await Deno.connect({ port: forwarded.port });
    using conn = await target.accept();
    await conn.closeWrite();
    assertEquals((await readAll(program)).length, 0);
    const [received] = await Promise.all([
      readAll(conn),
      writeAndEnd(program, upload),
    ]);

    assertSameBytes(received, upload);
  },
);

serverTest(
  "ssh",
  "startTestServer() does not read on when the target does not",
  async () => {
    await using forwarded = await startForward();
    const { target } = forwarded;
    const upload = noise(64 * MIB);

    using program = await Deno.connect({ port: forwarded.port });
    using conn = await target.accept();
    let written = false;
    const writing = writeAndEnd(program, upload).then(() => written = true);
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert(!written, "64 MiB went into buffers");
    const received = await readAll(conn);
    await writing;

    assertEquals(received.length, upload.length);
  },
);

serverTest(
  "ssh",
  "startTestServer() ends the program's connection at once if the target refuses",
  async () => {
    await using setting = await setUp();
    const port = freePort();
    await using _ssh = await startSsh(
      setting,
      ...["-R", `127.0.0.1:0:127.0.0.1:${port}`],
    );

    using program = await Deno.connect({ port: boundPort(setting.server) });

    assertEquals((await readAll(program)).length, 0);
  },
);

serverTest(
  "ssh",
  "startTestServer() denies a port in use",
  async () => {
    await using setting = await setUp();
    using taken = listen();

    const error = await assertRejects(
      () => startSsh(setting, "-R", `127.0.0.1:${taken.addr.port}:localhost:9`),
      Error,
    );

    assertMatch(error.message, /remote port forwarding failed/);
    assertEquals(setting.server.forwards, []);
  },
);

serverTest(
  "ssh",
  "startTestServer() refuses what allowForward() does not allow",
  async () => {
    const asked: unknown[] = [];
    await using setting = await setUp({
      allowForward: (bind) => {
        asked.push(bind);
        return "path" in bind;
      },
    });
    const path = join(setting.dir, "socket");

    await using _ssh = await startSsh(setting, "-R", `${path}:localhost:9`);
    const error = await assertRejects(
      () => startSsh(setting, "-R", "localhost:0:localhost:9"),
      Error,
    );

    assertMatch(error.message, /remote port forwarding failed/);
    assertEquals<unknown>(asked, [{ path }, {
      hostname: "localhost",
      port: 0,
    }]);
  },
);

for (
  const [address, reachable, unreachable] of [
    ["127.0.0.1", ["127.0.0.1"], ["::1"]],
    ["::1", ["::1"], ["127.0.0.1"]],
    ["localhost", ["127.0.0.1", "::1"], []],
    ["*", ["127.0.0.1", "::1"], []],
    ["0.0.0.0", ["127.0.0.1"], ["::1"]],
  ] as const
) {
  serverTest(
    "ssh",
    `startTestServer() binds ${address} as sshd does`,
    async () => {
      await using setting = await setUp();
      const port = freePort();
      await using _ssh = await startSsh(
        setting,
        ...["-R", `[${address}]:${port}:localhost:9`],
      );

      for (const hostname of reachable) {
        (await Deno.connect({ hostname, port })).close();
      }
      for (const hostname of unreachable) {
        assert(await isRefused(port, hostname));
      }
    },
  );
}

serverTest(
  "ssh",
  "startTestServer() cancels a forward and leaves its connections",
  async () => {
    await using setting = await setUp();
    using target = listen();
    const control = join(setting.dir, "control");
    const forward = `127.0.0.1:0:127.0.0.1:${target.addr.port}`;
    await using _ssh = await startSsh(
      setting,
      ...["-M", "-S", control, "-R", forward],
    );
    const port = boundPort(setting.server);
    const mux = (operation: string, forward: string) =>
      run("ssh", ["-S", control, "-O", operation, "-R", forward, "server"]);
    using program = await Deno.connect({ port });
    using conn = await target.accept();

    await mux("cancel", forward);
    // ssh does not ask for the answer; but requests are answered in their order.
    const other = Number(await mux("forward", `localhost:0:localhost:9`));

    assertEquals(setting.server.forwards, [
      { hostname: "localhost", port: other },
    ]);
    assert(await isRefused(port));
    await writeAndEnd(program, new Uint8Array([1, 2, 3]));
    assertEquals(await readAll(conn), new Uint8Array([1, 2, 3]));
  },
);

serverTest(
  "ssh",
  "startTestServer() carries a forwarded Unix socket and removes it at the end",
  async () => {
    await using setting = await setUp();
    using target = listen();
    const path = join(setting.dir, "socket");
    const forward = `${path}:127.0.0.1:${target.addr.port}`;

    await using _ssh = await startSsh(setting, "-R", forward);
    assertEquals(setting.server.forwards, [{ path }]);
    using program = await Deno.connect({ transport: "unix", path });
    using conn = await target.accept();
    await writeAndEnd(program, new Uint8Array([1, 2, 3]));
    assertEquals(await readAll(conn), new Uint8Array([1, 2, 3]));
    await writeAndEnd(conn, new Uint8Array([4, 5, 6]));
    assertEquals(await readAll(program), new Uint8Array([4, 5, 6]));
    await assertRejects(() => startSsh(setting, "-R", forward), Error);
    await setting.server.disconnectAll();

    await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
  },
);

serverTest(
  "ssh",
  "startTestServer() connects for the client, with half-close",
  async () => {
    await using setting = await setUp();
    using target = listen();
    const request = noise(MIB);

    const printed = new Deno.Command("ssh", {
      args: [...setting.args, "-W", `127.0.0.1:${target.addr.port}`],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const output = printed.output();
    using conn = await target.accept();
    const writer = printed.stdin.getWriter();
    await Promise.all([writer.write(request), writer.close()]);
    await writeAndEnd(conn, await readAll(conn));

    assertSameBytes((await output).stdout, request);
  },
);

serverTest(
  "ssh",
  "startTestServer() refuses a direct connection that it cannot make",
  async () => {
    await using setting = await setUp();
    const port = freePort();

    const error = await assertRejects(
      () => run("ssh", [...setting.args, "-W", `127.0.0.1:${port}`]),
      Error,
    );

    assertMatch(error.message, /open failed: connect failed/);
  },
);

serverTest(
  "ssh",
  "server.disconnectAll() drops clients, their ports and their connections, and takes new ones",
  async () => {
    await using setting = await setUp();
    const { server } = setting;
    using target = listen();
    const forward = `127.0.0.1:0:127.0.0.1:${target.addr.port}`;
    await using ssh = await startSsh(setting, "-R", forward);
    const port = boundPort(server);
    using program = await Deno.connect({ port });
    using _conn = await target.accept();
    assertEquals(server.connections, 1);

    await server.disconnectAll();

    assertEquals(server.connections, 0);
    assertEquals(server.forwards, []);
    assertEquals((await readAll(program)).length, 0);
    assert(await isRefused(port));
    assertEquals((await ssh.status).code, 255);
    await using _next = await startSsh(setting, "-R", forward);
    assertEquals(server.forwards.length, 1);
  },
);

serverTest(
  "ssh",
  "server[Symbol.asyncDispose]() releases everything, also what is stuck in a write",
  async () => {
    await using setting = await setUp();
    const { server, dir } = setting;
    using target = listen();
    const to = `127.0.0.1:${target.addr.port}`;
    const path = join(dir, "socket");
    await using ssh = await startSsh(
      setting,
      ...["-R", `127.0.0.1:0:${to}`, "-R", `${path}:${to}`],
    );
    const port = server.forwards.map((it) => "port" in it && it.port)[0];
    assert(port);
    using stuck = await Deno.connect({ port });
    using conn = await target.accept();
    let sent = 0;
    const flood = (async () => {
      while (true) sent += await conn.write(new Uint8Array(64 * 1024));
    })().catch(() => {});
    await stuck.read(new Uint8Array(1));
    for (let before = -1; before !== sent;) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }

    await Promise.all([
      server[Symbol.asyncDispose](),
      server[Symbol.asyncDispose](),
    ]);

    assertEquals([server.connections, server.forwards.length], [0, 0]);
    for (const free of [port, server.port]) {
      Deno.listen({ hostname: "127.0.0.1", port: free }).close();
    }
    await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
    await readAll(stuck);
    assertEquals((await ssh.status).code, 255);
    await flood;
  },
);

serverTest(
  "ssh",
  "server[Symbol.asyncDispose]() lets the process end by itself",
  async () => {
    const { success, stdout, stderr } = await new Deno.Command(
      Deno.execPath(),
      {
        args: [
          "run",
          "-A",
          "--no-check",
          import.meta.resolve("./whole_life.ts"),
        ],
        signal: AbortSignal.timeout(30_000),
      },
    ).output();

    const printed = new TextDecoder().decode(stdout);
    assertEquals(printed, "disposed\n", new TextDecoder().decode(stderr));
    assert(success, "it did not end within 30 s");
  },
);

Deno.test("startTestServer() rejects malformed keys", async () => {
  for (
    const [argument, options] of [
      ["hostKey", { hostKey: "no key" }],
      ["authorizedKeys", { authorizedKeys: "# a comment\n\nno key\n" }],
    ] satisfies [string, TestServerOptions][]
  ) {
    const error = await assertRejects(
      () => startTestServer(options),
      ArgumentError,
    );
    assertEquals(error.argument, argument);
  }
});

Deno.test("startTestServer() rejects a port in use", async () => {
  using taken = listen();

  const error = await assertRejects(
    () => startTestServer({ listen: { port: taken.addr.port } }),
    ArgumentError,
  );

  assertMatch(error.message, /^listen: .*127\.0\.0\.1 port \d+/);
});
