import { setTimeout as delay } from "node:timers/promises";
/** A tunnel's life: start, pause, resume, stop, and what takes it away. */
import {
  ArgumentError,
  ConnectionLostError,
  forward,
  ForwardDeniedError,
  ReverseTunnel,
  RForwardError,
  type TunnelConnection,
} from "../../../mod.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
} from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { within } from "../../within.ts";
import { FakeConnection, FakeOpen } from "../fake_connection.ts";
import {
  ask,
  isRefused,
  receive,
  receiveText,
  send,
  startEcho,
  startRig,
  startService,
  visit,
} from "../rig.ts";

serverTest(
  "sshd",
  "tunnel.pause() releases the port and ends idle and busy connections, and resume() has the port again, ten times",
  async () => {
    await using rig = await startRig("sshd");
    const over = Promise.withResolvers<void>();
    await using service = startService(async (conn) => {
      const first = new Uint8Array(1);
      await conn.read(first);
      // "i" stays idle, "b" is busy for ever, "e" is answered.
      if (first[0] === 105) await over.promise;
      if (first[0] === 98) {
        while (true) await conn.write(new Uint8Array(65536));
      }
      await send(conn, "hello");
    });
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: service.port },
      // Any program may have been given the port for a connection of its own.
      bindRetry: { forMs: 15_000 },
    });
    const { port } = tunnel;
    for (let round = 0; round < 10; round++) {
      using idle = await visit(port);
      using busy = await visit(port);
      await send(idle, "i");
      await send(busy, "b");
      await busy.read(new Uint8Array(1));
      assertEquals(await ask(port, "e"), "hello");
      assertEquals(await tunnel.pause(), true);
      assertEquals(tunnel.state, "paused");
      assertEquals(tunnel.connections.size, 0);
      assertEquals(await isRefused(port), true);
      assertEquals(await receiveText(idle), "");
      await receive(busy).catch(() => {});
      assertEquals(await tunnel.pause(), true, "twice is once");
      assertEquals(await tunnel.resume(), { hostname: "127.0.0.1", port });
      assertEquals(await tunnel.resume(), { hostname: "127.0.0.1", port });
    }
    over.resolve();
    assertEquals(await ask(port, "e"), "hello");
  },
);

serverTest(
  "dropbear",
  "tunnel.pause() refuses connections where the server cannot release the port, and resume() takes them again",
  async () => {
    await using rig = await startRig("dropbear");
    await using echo = startEcho("echo");
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: echo.port },
    });
    const released = await tunnel.pause();
    // Dropbear before 2026.90 says no; a newer one says yes.
    assertEquals(await isRefused(tunnel.port), released);
    if (!released) {
      using conn = await visit(tunnel.port);
      assertEquals(await receiveText(conn).catch(() => ""), "");
    }
    await tunnel.resume();
    assertEquals(await ask(tunnel.port, "hi"), "echo: hi");
  },
);

serverTest("sshd", "tunnel.resume() moves to another port", async () => {
  await using rig = await startRig("sshd");
  await using echo = startEcho("echo");
  await using tunnel = await forward(rig.connection, {
    bind: { port: 0 },
    target: { port: echo.port },
  });
  const before = tunnel.port;
  await tunnel.resume({ port: 0 });
  assert(tunnel.port !== before && tunnel.port !== 0);
  assertEquals(await isRefused(before), true);
  assertEquals(await ask(tunnel.port, "hi"), "echo: hi");
  await assertRejects(() => tunnel.resume({ port: 70000 }), ArgumentError);
  assertEquals(tunnel.state, "listening");
});

serverTest(
  "sshd",
  "forward() asks twice for a port that is taken, tells onRequestDenied, and leaves the connection usable",
  async () => {
    await using rig = await startRig("sshd");
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = taken.addr;
    const denied: ForwardDeniedError[] = [];
    const told: string[] = [];
    const logger = {
      debug() {},
      info: (message: string) => told.push(message),
      warn() {},
      error() {},
    };
    const error = await assertRejects(
      () =>
        forward(rig.connection, {
          bind: { port },
          target: { port: 1 },
          bindRetry: { firstMs: 10 },
          onRequestDenied: (error) => denied.push(error),
          logger,
        }),
      ForwardDeniedError,
    );
    assertEquals(error.bind, { hostname: "127.0.0.1", port });
    assertEquals(denied, [error]);
    assertEquals(
      told.filter((line) => line.includes("asking again")).length,
      1,
    );

    await using echo = startEcho("echo");
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: echo.port },
    });
    assertEquals(await ask(tunnel.port, "hi"), "echo: hi");
  },
);

serverTest(
  "sshd",
  "forward() goes on asking for a port that is taken for `bindRetry.forMs`",
  async () => {
    await using rig = await startRig("sshd");
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const told: string[] = [];
    const logger = {
      debug() {},
      info: (message: string) => told.push(message),
      warn() {},
      error() {},
    };
    await assertRejects(
      () =>
        forward(rig.connection, {
          bind: { port: taken.addr.port },
          target: { port: 1 },
          bindRetry: { firstMs: 10, forMs: 150 },
          logger,
        }),
      ForwardDeniedError,
    );
    assertEquals(
      told.map((line) => line.match(/again in (\d+) ms/)?.[1]),
      ["10", "20", "40", "80"],
    );
  },
);

serverTest(
  "sshd",
  "forward() has a port that becomes free before it asks again",
  async () => {
    await using rig = await startRig("sshd");
    await using echo = startEcho("echo");
    const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = taken.addr;
    const logger = {
      debug() {},
      info: (message: string) => {
        if (message.includes("asking again")) taken.close();
      },
      warn() {},
      error() {},
    };
    await using tunnel = await forward(rig.connection, {
      bind: { port },
      target: { port: echo.port },
      bindRetry: { firstMs: 10 },
      logger,
    });
    assertEquals(await ask(tunnel.port, "hi"), "echo: hi");
  },
);

serverTest(
  "sshd",
  "a tunnel that is denied a port leaves the tunnel that has it alone",
  async () => {
    await using rig = await startRig("sshd");
    await using echo = startEcho("echo");
    await using first = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: echo.port },
    });
    await assertRejects(
      () =>
        forward(rig.connection, {
          bind: { port: first.port },
          target: { port: 1 },
          bindRetry: { firstMs: 0 },
        }),
      ForwardDeniedError,
    );
    assertEquals(await ask(first.port, "hi"), "echo: hi");
  },
);

serverTest(
  "sshd",
  "tunnel.stop() releases the port, and drains for drainMs",
  async () => {
    await using rig = await startRig("sshd");
    await using echo = startEcho("echo");
    const connected = Promise.withResolvers<TunnelConnection>();
    const tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: echo.port },
      onConnection: connected.resolve,
    });
    using live = await visit(tunnel.port);
    await send(live, "still ");
    await connected.promise;
    const stopped = tunnel.stop({ drainMs: 60_000 });
    while (!await isRefused(tunnel.port));
    await send(live, "here");
    await live.closeWrite();
    assertEquals(await receiveText(live), "echo: still here");
    await stopped;
    assertEquals(await tunnel.closed, { reason: "closed" });
    assertEquals(tunnel.state, "stopped");
    const error = await assertRejects(() => tunnel.start(), RForwardError);
    assertEquals(error.code, "tunnel-stopped");
  },
);

serverTest("sshd", "tunnel.stop() cuts a drain short", async () => {
  await using rig = await startRig("sshd");
  await using echo = startEcho("echo");
  const connected = Promise.withResolvers<TunnelConnection>();
  const tunnel = await forward(rig.connection, {
    bind: { port: 0 },
    target: { port: echo.port },
    onConnection: connected.resolve,
  });
  using live = await visit(tunnel.port);
  await connected.promise;
  const drained = tunnel.stop({ drainMs: 60_000 });
  await tunnel.stop();
  await drained;
  assertEquals(await receiveText(live), "");
});

serverTest(
  "sshd",
  "tunnel.stop() with less time cuts short a drain under way",
  async () => {
    await using rig = await startRig("sshd");
    await using echo = startEcho("echo");
    const connected = Promise.withResolvers<TunnelConnection>();
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: echo.port },
      onConnection: connected.resolve,
    });
    using live = await visit(tunnel.port);
    await connected.promise;
    const draining = tunnel.stop({ drainMs: 2 ** 31 - 1 });
    await within(10_000, "the drain", tunnel.stop({ drainMs: 50 }));
    await draining;
    assertEquals(await receiveText(live), "");
  },
);

serverTest(
  "sshd",
  "the signal of tunnel.start() and tunnel.resume() ends the attempt, and the tunnel can start later",
  async () => {
    await using rig = await startRig("sshd");
    const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = taken.addr;
    let stop = new AbortController();
    await using tunnel = new ReverseTunnel(rig.connection, {
      bind: { port },
      target: { port: 1 },
      bindRetry: { firstMs: 60_000 },
      logger: {
        debug() {},
        info: (message: string) => {
          if (message.includes("asking again")) stop.abort(new Error("enough"));
        },
        warn() {},
        error() {},
      },
    });
    for (const name of ["start", "resume"] as const) {
      stop = new AbortController();
      const { signal } = stop;
      const error = await assertRejects(() => tunnel[name]({ signal }), Error);
      assertEquals(error, signal.reason);
      assertEquals(tunnel.state, "new");
    }
    taken.close();
    assertEquals(await tunnel.start(), { hostname: "127.0.0.1", port });
  },
);

serverTest(
  "sshd",
  "the signal of a tunnel stops it, also while a denied port is waited for",
  async () => {
    await using rig = await startRig("sshd");
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const controller = new AbortController();
    const logger = {
      debug() {},
      info: () => controller.abort(),
      warn() {},
      error() {},
    };
    const error = await assertRejects(
      () =>
        forward(rig.connection, {
          bind: { port: taken.addr.port },
          target: { port: 1 },
          bindRetry: { firstMs: 60_000 },
          signal: controller.signal,
          logger,
        }),
      RForwardError,
    );
    assertEquals(error.code, "tunnel-stopped");
  },
);

serverTest(
  "sshd",
  "a tunnel without its connection ends: closed by us",
  async () => {
    await using rig = await startRig("sshd");
    const tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: 1 },
    });
    await rig.connection.close();
    assertEquals(await tunnel.closed, { reason: "closed" });
    await tunnel.stop();
    await assertRejects(() => tunnel.resume(), RForwardError);
  },
);

serverTest(
  "sshd",
  "everything ends with ConnectionLostError when sshd is killed in the middle of a transfer",
  async () => {
    await using rig = await startRig("sshd");
    await using service = startService(async (conn) => {
      while (true) await conn.write(new Uint8Array(65536));
    });
    const opened: TunnelConnection[] = [];
    const tunnels = await Promise.all(
      [1, 2, 3].map(() =>
        forward(rig.connection, {
          bind: { port: 0 },
          target: { port: service.port },
          onConnection: (connection) => opened.push(connection),
        })
      ),
    );
    const clients = await Promise.all(tunnels.map(({ port }) => visit(port)));
    await Promise.all(clients.map((client) => client.read(new Uint8Array(10))));
    rig.server.killSessions("SIGKILL");
    const ends = [rig.connection.closed, ...tunnels.map((t) => t.closed)];
    for (const end of [...ends, ...opened.map((c) => c.closed)]) {
      const { reason, error } = await end;
      assertEquals(reason, "lost");
      assert(error instanceof ConnectionLostError, Deno.inspect(error));
    }
    assertEquals(opened.length, 3);
    assertEquals(tunnels.map((t) => t.connections.size), [0, 0, 0]);
    for (const client of clients) client.close();
    await assertRejects(() => rig.connection.exec("true"), ConnectionLostError);
  },
);

serverTest("sshd", "two tunnels share a port on two addresses", async () => {
  await using rig = await startRig("sshd", {
    sshd: { config: ["GatewayPorts clientspecified"] },
  });
  await using one = startEcho("one");
  await using two = startEcho("two");
  await using first = await forward(rig.connection, {
    bind: { hostname: "127.0.0.1", port: 0 },
    target: { port: one.port },
  });
  await using second = await forward(rig.connection, {
    bind: { hostname: "127.0.0.2", port: first.port },
    target: { port: two.port },
  });
  assertEquals(await ask(first.port, "hi"), "one: hi");
  using conn = await visit(second.port, "127.0.0.2");
  await conn.closeWrite();
  assertEquals(await receiveText(conn), "two: ");
});

for (const address of ["", "localhost", "127.0.0.1", "::1", "0.0.0.0"]) {
  serverTest(
    "sshd",
    `a tunnel binds ${address || "all addresses"}`,
    async () => {
      await using rig = await startRig("sshd", {
        sshd: { config: ["GatewayPorts clientspecified"] },
      });
      await using echo = startEcho("echo");
      await using tunnel = await forward(rig.connection, {
        bind: { hostname: address, port: 0 },
        target: { port: echo.port },
      });
      const from = address === "::1" ? "::1" : "127.0.0.1";
      using conn = await visit(tunnel.port, from);
      await conn.closeWrite();
      assertEquals(await receiveText(conn), "echo: ");
      assertEquals(await tunnel.pause(), true);
      assertEquals(await isRefused(tunnel.port, from), true);
    },
  );
}

serverTest(
  "sshd",
  "a tunnel leads from a Unix socket on the server to a Unix socket here",
  async () => {
    await using rig = await startRig("sshd");
    const here = `${rig.server.dir}/here.sock`;
    const there = `${rig.server.dir}/there.sock`;
    await using _echo = startEcho(
      "unix",
      Deno.listen({ transport: "unix", path: here }),
    );
    await using tunnel = await forward(rig.connection, {
      bind: { path: there },
      target: { path: here },
    });
    assertEquals(tunnel.bound, { path: there });
    using conn = await Deno.connect({ transport: "unix", path: there });
    await send(conn, "hi");
    await conn.closeWrite();
    assertEquals(await receiveText(conn), "unix: hi");
  },
);

serverTest(
  "sshd",
  "tunnel.resume() has its Unix socket again, which sshd leaves in the way",
  async () => {
    await using rig = await startRig("sshd");
    await using echo = startEcho("echo");
    const path = `${rig.server.dir}/it's there.sock`;
    await using tunnel = await forward(rig.connection, {
      bind: { path },
      target: { port: echo.port },
    });
    for (let round = 0; round < 2; round++) {
      await tunnel.pause();
      await tunnel.resume();
      using conn = await Deno.connect({ transport: "unix", path });
      await conn.closeWrite();
      assertEquals(await receiveText(conn), "echo: ");
    }
  },
);

serverTest(
  "sshd",
  "forward() with `unlinkStale` removes a socket that nothing listens on, and nothing else",
  async () => {
    await using rig = await startRig("sshd");
    const options = { target: { port: 1 }, bindRetry: { firstMs: 1 } };
    const path = `${rig.server.dir}/stale.sock`;
    await (await forward(rig.connection, { bind: { path }, ...options }))
      .stop();
    await assertRejects(
      () => forward(rig.connection, { bind: { path }, ...options }),
      ForwardDeniedError,
    );
    await using _tunnel = await forward(rig.connection, {
      bind: { path },
      unlinkStale: true,
      ...options,
    });

    const live = `${rig.server.dir}/live.sock`;
    using _listener = Deno.listen({ transport: "unix", path: live });
    const file = `${rig.server.dir}/file`;
    await Deno.writeTextFile(file, "precious");
    for (const path of [live, file]) {
      await assertRejects(
        () =>
          forward(rig.connection, {
            bind: { path },
            unlinkStale: true,
            ...options,
          }),
        ForwardDeniedError,
      );
    }
    assertEquals(await Deno.readTextFile(file), "precious");
    (await Deno.connect({ transport: "unix", path: live })).close();
  },
);

serverTest(
  "sshd",
  "`unlinkStale` leaves a socket that is in use, also where sshd does not connect to it",
  async () => {
    await using rig = await startRig("sshd", {
      sshd: { config: ["AllowStreamLocalForwarding remote"] },
    });
    const bind = { path: `${rig.server.dir}/it's [live].sock` };
    const options = {
      bind,
      target: { port: 1 },
      unlinkStale: true,
      bindRetry: { firstMs: 1 },
    };
    {
      using _listener = Deno.listen({ transport: "unix", path: bind.path });
      await assertRejects(
        () => forward(rig.connection, options),
        ForwardDeniedError,
      );
      (await Deno.connect({ transport: "unix", path: bind.path })).close();
    }
    await (await forward(rig.connection, options)).stop(); // sshd leaves it
    using _other = Deno.listen({ transport: "unix", path: `${bind.path}2` });
    await using _tunnel = await forward(rig.connection, options);
  },
);

serverTest(
  "sshd",
  "`unlinkStale` does not wait for ever for a login shell that hangs",
  async () => {
    await using rig = await startRig("sshd", {
      sshd: { config: ["ForceCommand sleep 100"] },
    });
    const options = {
      bind: { path: `${rig.server.dir}/stale.sock` },
      target: { port: 1 },
      unlinkStale: true,
      bindRetry: { firstMs: 1 },
    };
    await (await forward(rig.connection, options)).stop();
    await within(
      20_000,
      "the denial",
      assertRejects(
        () => forward(rig.connection, options),
        ForwardDeniedError,
      ),
    );
  },
);

serverTest(
  "sshd",
  "a handler takes the connections of a tunnel in this process",
  async () => {
    await using rig = await startRig("sshd");
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: async (conn) => {
        const heard = await new Response(conn.readable).text();
        const { hostname } = conn.remoteAddr as Deno.NetAddr;
        await conn.write(new TextEncoder().encode(`${hostname} said ${heard}`));
      },
    });
    assertEquals(await ask(tunnel.port, "hi"), "127.0.0.1 said hi");
  },
);

serverTest(
  "sshd",
  "a handler that throws loses its connection and nothing else, and one that hangs does not keep the tunnel",
  async () => {
    await using rig = await startRig("sshd");
    const connections: TunnelConnection[] = [];
    const hangs = Promise.withResolvers<void>();
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: async (conn) => {
        const heard = new Uint8Array(1);
        await conn.read(heard);
        if (heard[0] === 104) {
          hangs.resolve();
          await new Promise(() => {});
        }
        throw new Error("no luck");
      },
      onConnection: (connection) => connections.push(connection),
    });
    assertEquals(await ask(tunnel.port, "t"), "");
    const { reason, error } = await connections[0]!.closed;
    assertEquals([reason, error?.code], ["lost", "target-failed"]);
    using hanging = await visit(tunnel.port);
    await send(hanging, "h");
    await hangs.promise;
    await tunnel.pause();
    assertEquals(await receiveText(hanging), "");
  },
);

serverTest(
  "sshd",
  "tunnel.connections has who is connected and the bytes of each",
  async () => {
    await using rig = await startRig("sshd");
    await using echo = startEcho("echo");
    const connected = Promise.withResolvers<TunnelConnection>();
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: echo.port },
      onConnection: connected.resolve,
    });
    using client = await visit(tunnel.port);
    const connection = await connected.promise;
    assertEquals([...tunnel.connections], [connection]);
    assertEquals(connection.originator, {
      address: "127.0.0.1",
      port: (client.localAddr as Deno.NetAddr).port,
    });
    assertEquals(connection.target, `127.0.0.1:${echo.port}`);
    await send(client, "12345");
    await client.closeWrite();
    assertEquals(await receiveText(client), "echo: 12345");
    assertEquals(await connection.closed, { reason: "closed" });
    assertEquals(connection.bytesToTarget, 5);
    assertEquals(connection.bytesToServer, 11);
    assertEquals(tunnel.connections.size, 0);
  },
);

serverTest(
  "sshd",
  "connection.close() of a tunnel's connection ends that one alone",
  async () => {
    await using rig = await startRig("sshd");
    await using echo = startEcho("echo");
    const connected = Promise.withResolvers<TunnelConnection>();
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: echo.port },
      onConnection: connected.resolve,
    });
    using one = await visit(tunnel.port);
    const connection = await connected.promise;
    connection.close();
    assertEquals(await connection.closed, { reason: "closed" });
    assertEquals(await receiveText(one), "");
    assertEquals(await ask(tunnel.port, "hi"), "echo: hi");
  },
);

serverTest(
  "sshd",
  "tunnel.cancelPortForward() says what the server answered",
  async () => {
    await using rig = await startRig("sshd");
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: 1 },
    });
    assertEquals(await tunnel.cancelPortForward("", tunnel.port), false);
    assertEquals(tunnel.state, "listening");
    const own = ["127.0.0.1", tunnel.port] as const;
    assertEquals(await tunnel.cancelPortForward(...own), true);
    assertEquals(await isRefused(tunnel.port), true);
    assertEquals(await tunnel.cancelPortForward(...own), false);
  },
);

for (const how of ["tunnel.cancelPortForward", "connection.cancelForward"]) {
  serverTest(
    "sshd",
    `a tunnel whose port ${how}() released does not listen, and resume() binds it again`,
    async () => {
      await using rig = await startRig("sshd");
      await using echo = startEcho("echo");
      const opened: TunnelConnection[] = [];
      let cancelled = 0;
      await using tunnel = await forward(rig.connection, {
        bind: { port: 0 },
        target: { port: echo.port },
        onConnection: (connection) => opened.push(connection),
        onCancelled: () => cancelled++,
      });
      const { bound, port } = tunnel;
      const cancel = () =>
        how === "connection.cancelForward"
          ? rig.connection.cancelForward(bound)
          : tunnel.cancelPortForward("127.0.0.1", port);
      using live = await visit(port);
      await send(live, "still ");
      while (opened.length < 1) await delay(1);

      for (let round = 1; round <= 2; round++) {
        assertEquals(await cancel(), true);
        assertEquals([tunnel.state, cancelled], ["paused", round]);
        assertEquals(await isRefused(port), true);
        assertEquals(await tunnel.resume(), bound);
        assertEquals(tunnel.state, "listening");
        assertEquals(await ask(port, "hi"), "echo: hi");
      }

      await send(live, "here");
      await live.closeWrite();
      assertEquals(await receiveText(live), "echo: still here");
    },
  );
}

serverTest(
  "sshd",
  "tunnel.pause() closes connections that have outlived a port that was cancelled",
  async () => {
    await using rig = await startRig("sshd");
    await using echo = startEcho("echo");
    for (const resumed of [false, true]) {
      const connected = Promise.withResolvers<TunnelConnection>();
      await using tunnel = await forward(rig.connection, {
        bind: { port: 0 },
        target: { port: echo.port },
        onConnection: connected.resolve,
      });
      using live = await visit(tunnel.port);
      await connected.promise;
      await tunnel.cancelPortForward("127.0.0.1", tunnel.port);
      if (resumed) await tunnel.resume();
      assertEquals(tunnel.connections.size, 1);
      assertEquals(await tunnel.pause(), true);
      assertEquals(await receiveText(live), "");
      assertEquals(tunnel.connections.size, 0);
    }
  },
);

serverTest(
  "sshd",
  "a tunnel knows that a Unix socket was cancelled, and that its port was while it pauses",
  async () => {
    await using rig = await startRig("sshd");
    const path = `${rig.server.dir}/bound.sock`;
    await using unix = await forward(rig.connection, {
      bind: { path },
      target: { port: 1 },
    });
    assertEquals(await rig.connection.cancelForward({ path }), true);
    assertEquals(unix.state, "paused");
    await unix.resume();
    assertEquals(unix.state, "listening");

    await using tcp = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: 1 },
    });
    const [cancelled, paused] = await Promise.all([
      tcp.cancelPortForward("127.0.0.1", tcp.port),
      tcp.pause(),
    ]);
    assertEquals([cancelled, paused, tcp.state], [true, true, "paused"]);
    await tcp.resume();
    assertEquals(await isRefused(tcp.port), false);
  },
);

serverTest(
  "sshd",
  "new ReverseTunnel() names the option that cannot be used",
  async () => {
    await using rig = await startRig("sshd");
    const bad = (options: Record<string, unknown>, argument: string) => {
      const all = { bind: { port: 1 }, target: { port: 1 }, ...options };
      const error = assertThrows(
        () => new ReverseTunnel(rig.connection, all),
        ArgumentError,
      );
      assertEquals(error.argument, argument);
    };
    for (const port of [65536, -1, 1.5, NaN, "80", undefined]) {
      bad({ bind: { port } }, "bind.port");
      bad({ target: { port } }, "target.port");
    }
    bad({ target: { port: 0 } }, "target.port");
    bad({ bind: { hostname: "a b", port: 1 } }, "bind.hostname");
    bad({ bind: { path: "" } }, "bind.path");
    bad({ bind: undefined }, "bind");
    bad({ target: "web" }, "target");
    bad({ target: { hostname: "", port: 1 } }, "target.hostname");
    bad({ target: { path: "a\0b" } }, "target.path");
    for (
      const name of [
        "targetTimeoutMs",
        "lingerMs",
      ]
    ) {
      bad({ [name]: -1 }, name);
    }
    for (const name of ["firstMs", "maxMs", "forMs"]) {
      bad({ bindRetry: { [name]: -1 } }, `bindRetry.${name}`);
    }
  },
);

Deno.test("a tunnel has stopped, and says so, if its connection ends while it starts", async () => {
  // Whatever comes in between: that is a matter of a few microtasks.
  for (let later = 0; later < 10; later++) {
    const connection = new FakeConnection();
    connection.answer = (bind) => {
      let turn = Promise.resolve();
      for (let i = 0; i < later; i++) turn = turn.then(() => {});
      void turn.then(() => connection.close());
      return Promise.resolve(bind);
    };
    const tunnel = new ReverseTunnel(connection, {
      bind: { port: 5000 },
      target: { port: 1 },
    });
    const [started] = await Promise.allSettled([tunnel.start()]);
    await tunnel.closed;
    assertEquals(tunnel.state, "stopped", `${later}: ${started.status}`);
  }
});

Deno.test("a tunnel has stopped, and says so, if its connection ends while it pauses", async () => {
  const connection = new FakeConnection();
  const tunnel = await forward(connection, {
    bind: { port: 5000 },
    target: { port: 1 },
  });
  connection.cancelForward = async () => {
    await connection.close();
    throw connection.signal.reason;
  };
  await tunnel.pause();
  assertEquals(tunnel.state, "stopped");
});

Deno.test("a tunnel logs nothing of an originator that a terminal would obey", async () => {
  const connection = new FakeConnection();
  const said: string[] = [];
  const note = (message: string) => said.push(message);
  await using _ = await forward(connection, {
    bind: { port: 5000 },
    target: () => Promise.resolve(),
    logger: { debug: note, info: note, warn: note, error: note },
  });
  const open = new FakeOpen({ hostname: "127.0.0.1", port: 5000 });
  open.originator.address = "\x1b[2J\x1b]0;owned\x00";
  await connection.offer(open);
  assert(said.some((message) => message.includes("owned")));
  assertEquals(said.filter((message) => /\p{Cc}/u.test(message)), []);
});

Deno.test("a handler may stop its tunnel and throw", async () => {
  const connection = new FakeConnection();
  const connected = Promise.withResolvers<TunnelConnection>();
  await using tunnel = await forward(connection, {
    bind: { port: 5000 },
    target: () => {
      void tunnel.stop();
      throw new Error("oops");
    },
    onConnection: connected.resolve,
  });
  await connection.open({ hostname: "127.0.0.1", port: 5000 });
  const { closed } = await connected.promise;
  assertEquals(await closed, { reason: "closed" });
  assertEquals(await tunnel.closed, { reason: "closed" });
});
