/** Handing connections over to another target, or to none, with figures; on a real sshd. */
import {
  ArgumentError,
  forward,
  supervise,
  type SupervisorEvent,
} from "../../../mod.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { loginOptions } from "../../servers/login_options.ts";
import { startSshd } from "../../servers/openssh.ts";
import {
  ask,
  receiveText,
  send,
  startEcho,
  startRig,
  startService,
  visit,
} from "../rig.ts";
import { startEchoTunnel } from "./echo_tunnel.ts";

serverTest(
  "sshd",
  "tunnel.stop() counts the connections that finished during the drain, and those that were cut",
  async () => {
    await using echo = await startEchoTunnel();
    const { tunnel } = echo;
    // One that was over before counts for neither.
    assertEquals(await ask(tunnel.port, "x"), "echo: x");
    for (const connection of tunnel.connections) await connection.closed;
    const conns = await Promise.all([1, 2, 3].map(() => visit(tunnel.port)));
    for (const conn of conns) await send(conn, "hi");
    while (tunnel.connections.size < 3) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const stopping = tunnel.stop({ drainMs: 60_000 });
    await conns[0]!.closeWrite();
    assertEquals(await receiveText(conns[0]!), "echo: hi");
    while (tunnel.connections.size > 2) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    // The second call cuts the first one short, and knows of two.
    assertEquals(await tunnel.stop(), { finished: 0, cut: 2 });
    assertEquals(await stopping, { finished: 1, cut: 2 });
    assertEquals(await tunnel.stop(), { finished: 0, cut: 0 });
    for (const conn of conns) conn.close();
  },
);

serverTest(
  "sshd",
  "tunnel.stop({ drainMs }) serves a connection that had come in, but whose target had not answered yet",
  async () => {
    await using rig = await startRig("sshd");
    await using echo = startEcho("echo");
    const asked = Promise.withResolvers<void>();
    const decided = Promise.withResolvers<boolean>();
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: echo.port },
      admission: {
        decide() {
          asked.resolve();
          return decided.promise;
        },
      },
    });
    const answer = ask(tunnel.port, "x");
    await asked.promise;
    const stopping = tunnel.stop({ drainMs: 60_000 });
    decided.resolve(true);
    assertEquals(await answer, "echo: x");
    assertEquals(await stopping, { finished: 1, cut: 0 });
  },
);

serverTest(
  "sshd",
  "tunnel.stop({ drainMs }) ends with the SSH connection, and counts what was lost with it as cut",
  async () => {
    await using rig = await startRig("sshd");
    const served = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    let decisions = 0;
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      // Neither of the two would end by itself.
      target: () => {
        served.resolve();
        return new Promise(() => {});
      },
      admission: {
        decide: ({ signal }) => {
          if (++decisions === 1) return true;
          asked.resolve();
          return new Promise((_, reject) =>
            signal.addEventListener("abort", () => reject(signal.reason))
          );
        },
      },
    });
    using _first = await visit(tunnel.port);
    await served.promise;
    using _second = await visit(tunnel.port);
    await asked.promise;
    const stopping = tunnel.stop({ drainMs: 60_000 });
    rig.server.killSessions("SIGKILL");
    assertEquals(await stopping, { finished: 0, cut: 1 });
    assertEquals((await tunnel.closed).reason, "lost");
  },
);

serverTest(
  "sshd",
  "a target that does not read holds its connection after the client's end, as with ssh; stop() and pause() cut it",
  async () => {
    await using rig = await startRig("sshd");
    const over = Promise.withResolvers<void>();
    await using deaf = startService(() => over.promise);
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: deaf.port },
    });
    /** A client that sends more than fits into the target's socket, and is gone. */
    const strand = async () => {
      const conn = await visit(tunnel.port);
      await send(conn, new Uint8Array(8 * 1024 * 1024));
      conn.close();
      const [connection] = tunnel.connections;
      // The server has closed its end: all that is left is here.
      for (let before = -1; connection!.bytesToTarget > before;) {
        before = connection!.bytesToTarget;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return connection!;
    };
    const first = await strand();
    assert(tunnel.connections.has(first));
    await tunnel.pause();
    assertEquals((await first.closed).reason, "closed");
    await tunnel.resume();
    await strand();
    assertEquals(await tunnel.stop({ drainMs: 50 }), { finished: 0, cut: 1 });
    over.resolve();
  },
);

serverTest(
  "sshd",
  "tunnel.replaceTarget() sends new connections elsewhere while old ones finish with theirs",
  async () => {
    await using rig = await startRig("sshd");
    await using first = startEcho("first");
    await using second = startEcho("second");
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: first.port },
    });
    using old = await visit(tunnel.port);
    await send(old, "a");
    while (first.taken === 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    tunnel.replaceTarget({ port: second.port });
    assertEquals(tunnel.target, `127.0.0.1:${second.port}`);
    assertEquals(await ask(tunnel.port, "b"), "second: b");
    const [connection] = tunnel.connections;
    assertEquals(connection?.target, `127.0.0.1:${first.port}`);
    await send(old, "c");
    await old.closeWrite();
    assertEquals(await receiveText(old), "first: ac");
    assertThrows(() => tunnel.replaceTarget({ port: 0 }), ArgumentError);
    tunnel.replaceTarget(async (conn) => {
      await conn.write(new TextEncoder().encode("here"));
      await conn.closeWrite();
    });
    using here = await visit(tunnel.port);
    assertEquals(await receiveText(here), "here");
    assertEquals([first.taken, second.taken], [1, 1]);
  },
);

serverTest(
  "sshd",
  "supervisor.setTunnels() gives a tunnel another target and other rules without binding again, and stop() has figures",
  async () => {
    await using sshd = await startSshd();
    await using first = startEcho("first");
    await using second = startEcho("second");
    const events: SupervisorEvent[] = [];
    await using supervisor = supervise({
      connect: loginOptions(sshd),
      tunnels: [{ bind: { port: 0 }, target: { port: first.port } }],
      onEvent: (event) => events.push(event),
    });
    await supervisor.ready;
    const { port } = supervisor.snapshot.tunnels[0]!.bound as { port: number };
    using old = await visit(port);
    await send(old, "a");
    while (first.taken === 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await supervisor.setTunnels([{
      bind: { port: 0 },
      target: { port: second.port },
    }]);
    assertEquals(await ask(port, "b"), "second: b");
    await supervisor.setTunnels([{
      bind: { port: 0 },
      target: { port: second.port },
      admission: { deny: ["127.0.0.0/8"] },
    }]);
    assertEquals(await ask(port, "c").catch(() => ""), "");
    // Nothing changes if one of them cannot be used.
    const bad = supervisor.setTunnels([
      { bind: { port: 0 }, target: { port: first.port } },
      { bind: { port: 0 }, target: { port: 0 } },
    ]);
    assert(await bad.catch((error) => error) instanceof ArgumentError);
    const [tunnel] = supervisor.snapshot.tunnels;
    assertEquals(tunnel?.target, `127.0.0.1:${second.port}`);
    assertEquals(tunnel?.admission?.refusedBy, { deny: 1 });
    assertEquals(
      events.map(({ type }) => type).filter((type) =>
        type === "bound" || type === "target-replaced" || type === "refused"
      ),
      ["bound", "target-replaced", "refused"],
    );
    const stopping = supervisor.stop({ drainMs: 60_000 });
    await old.closeWrite();
    assertEquals(await receiveText(old), "first: a");
    assertEquals(await stopping, { finished: 1, cut: 0 });
    const stopped = events.find(({ type }) => type === "stopped");
    assertEquals(stopped, { type: "stopped", finished: 1, cut: 0 });
  },
);
