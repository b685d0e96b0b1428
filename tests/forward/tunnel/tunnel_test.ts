/** A tunnel's life: start, pause, resume, stop, and the loss of its connection. */
import {
  ArgumentError,
  ConnectionLostError,
  forward,
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
import { FakeConnection } from "../fake_connection.ts";
import {
  ask,
  isRefused,
  receive,
  receiveText,
  send,
  startRig,
  startService,
  visit,
} from "../rig.ts";
import { startEchoTunnel } from "./echo_tunnel.ts";

serverTest(
  "sshd",
  "tunnel.pause() releases the port and ends idle and busy connections, and resume() binds the port again, ten times",
  async () => {
    await using rig = await startRig("sshd");
    const over = Promise.withResolvers<void>();
    await using service = startService(async (conn) => {
      const first = new Uint8Array(1);
      await conn.read(first);
      // "i" stays idle, "b" stays busy, "e" is answered.
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
      assertEquals(await tunnel.pause(), true, "idempotent");
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
    await using echo = await startEchoTunnel("dropbear");
    const { tunnel } = echo;
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
  await using echo = await startEchoTunnel();
  const { tunnel } = echo;
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
  "tunnel.stop() releases the port, and drains for drainMs",
  async () => {
    await using echo = await startEchoTunnel();
    const { tunnel } = echo;
    using live = await visit(tunnel.port);
    await send(live, "still ");
    await echo.connected;
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
  await using echo = await startEchoTunnel();
  const { tunnel } = echo;
  using live = await visit(tunnel.port);
  await echo.connected;
  const drained = tunnel.stop({ drainMs: 60_000 });
  await tunnel.stop();
  await drained;
  assertEquals(await receiveText(live), "");
});

serverTest(
  "sshd",
  "tunnel.stop() with less time cuts short a drain under way",
  async () => {
    await using echo = await startEchoTunnel();
    const { tunnel } = echo;
    using live = await visit(tunnel.port);
    await echo.connected;
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
  "the signal of a tunnel stops it, also while a denied port is waited for: forward() rejects with its reason",
  async () => {
    await using rig = await startRig("sshd");
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const controller = new AbortController();
    const reason = new Error("enough");
    const logger = {
      debug() {},
      info: () => controller.abort(reason),
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
      Error,
    );
    assertEquals(error, reason);
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
    bad({ bind: { port: 0, hostName: "" } }, "bind.hostName");
    bad({ bind: { path: "/s", port: 0 } }, "bind.port");
    using listener = Deno.listen({ port: 0 });
    new ReverseTunnel(rig.connection, {
      bind: listener.addr,
      target: listener.addr,
    });
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

Deno.test("a tunnel is stopped if its connection ends while it starts, and logs that", async () => {
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

Deno.test("a tunnel is stopped if its connection ends while it pauses, and logs that", async () => {
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
