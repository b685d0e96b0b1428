/** A tunnel whose port or socket is cancelled on its connection. */
import { setTimeout as delay } from "node:timers/promises";
import { forward, type TunnelConnection } from "../../../mod.ts";
import { assertEquals } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import {
  ask,
  isRefused,
  receiveText,
  send,
  startEcho,
  startRig,
  visit,
} from "../rig.ts";

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
