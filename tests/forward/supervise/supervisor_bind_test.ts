/** How a supervisor binds the ports of its tunnels, and binds them again. */
import { setTimeout as delay } from "node:timers/promises";
import {
  ForwardDeniedError,
  type SshConnection,
  type TcpBind,
} from "../../../mod.ts";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { startSshd } from "../../servers/openssh.ts";
import { within } from "../../within.ts";
import {
  ask,
  connectTo,
  isRefused,
  receiveText,
  send,
  startEcho,
  visit,
} from "../rig.ts";
import {
  portOf,
  retry,
  start,
  statesOf,
  types,
  until,
} from "./supervisor_rig.ts";

serverTest(
  "sshd",
  "a supervisor binds its Unix socket again after its session was killed",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    const path = `${sshd.dir}/bound.sock`;
    const { supervisor } = start(sshd, {
      tunnels: [{ bind: { path }, target: { port: echo.port } }],
    });
    await using _ = supervisor;
    await supervisor.ready;
    for (let round = 1; round <= 2; round++) {
      sshd.killSessions("SIGKILL");
      const { tunnels: [tunnel] } = await until(
        supervisor,
        ({ state, reconnects }) => state === "up" && reconnects === round,
      );
      assertEquals(tunnel?.probe?.verdict, "verified");
    }
  },
);

serverTest(
  "sshd",
  "a supervisor waits for a port that a stale session holds, and is not up before it has it",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    await using stale = await connectTo(sshd);
    const bind = await stale.requestForward({ hostname: "127.0.0.1", port: 0 });
    const { supervisor, events } = start(sshd, {
      tunnels: [{ bind, target: { port: echo.port } }],
    });
    await using _ = supervisor;
    const waiting = await until(
      supervisor,
      ({ tunnels }) => tunnels[0]?.state === "waiting",
    );
    assertEquals(waiting.state, "degraded");
    assert(waiting.error instanceof ForwardDeniedError);
    const denied = events.find((e) => e.type === "denied");
    assertEquals(denied?.reason, "in-use");
    assert(denied?.ms! > 0);

    await stale.close();
    await supervisor.ready;

    assertEquals(portOf(supervisor.snapshot), bind.port);
    assertEquals(await ask(bind.port, "hi"), "echo: hi");
    const told = types(events);
    assert(told.indexOf("up") > told.lastIndexOf("denied"));
  },
);

serverTest(
  "sshd",
  "a supervisor never settles for one address of localhost when another program holds the other",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    const other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = other.addr;
    const { supervisor, events } = start(sshd, {
      tunnels: [{
        bind: { hostname: "localhost", port },
        target: { port: echo.port },
      }],
      bindRetry: { firstMs: 1000 },
    });
    await using _ = supervisor;
    const waiting = await until(
      supervisor,
      ({ tunnels }) => tunnels[0]?.state === "waiting",
    );
    assertEquals(waiting.tunnels[0]?.probe?.verdict, "half-bound");
    while (!await isRefused(port, "::1")) await delay(5);
    assert(!types(events).includes("up"));

    other.close();
    await supervisor.ready;
    assertEquals(await ask(port, "hi"), "echo: hi");
  },
);

serverTest(
  "sshd",
  "a supervisor binds a port again that was cancelled on its connection, and keeps live connections",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    for (const verify of [true, false]) {
      const { supervisor, events } = start(sshd, {
        tunnels: [{ bind: { port: 0 }, target: { port: echo.port } }],
        verify,
      });
      await using _ = supervisor;
      await supervisor.ready;
      const { bound } = supervisor.snapshot.tunnels[0]!;
      const { port } = bound as TcpBind;
      using live = await visit(port);
      await send(live, "still ");
      while (supervisor.snapshot.tunnels[0]?.live !== 1) await delay(5);

      assertEquals(await supervisor.connection!.cancelForward(bound), true);
      const { tunnels: [tunnel] } = await until(
        supervisor,
        ({ tunnels }) => tunnels[0]?.state === "waiting",
      );
      assertMatch(tunnel!.error!.message, /was cancelled on this connection/);
      await until(supervisor, ({ state }) => state === "up");

      assertEquals(supervisor.snapshot.tunnels[0]?.bound, bound);
      assertEquals(await ask(port, "hi"), "echo: hi");
      await send(live, "here");
      await live.closeWrite();
      assertEquals(await receiveText(live), "echo: still here");
      assertEquals(events.filter(({ type }) => type === "lost"), []);
    }
  },
);

serverTest(
  "sshd",
  "supervisor.setTunnels() ends also what a tunnel has left over from a port that it lost",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    let held: SshConnection | undefined;
    const { supervisor, events } = start(sshd, {
      tunnels: [{ bind: { port: 0 }, target: { port: echo.port } }],
      verify: { everyMs: 50 },
      onConnect: (connection) => void (held = connection),
    });
    await using _ = supervisor;
    await supervisor.ready;
    using conn = await visit(portOf(supervisor.snapshot));
    await conn.write(new TextEncoder().encode("slow"));
    while (supervisor.snapshot.tunnels[0]?.live !== 1) await delay(5);
    await held!.cancelForward(supervisor.snapshot.tunnels[0]!.bound);
    await until(supervisor, ({ state }) => state === "degraded");
    await until(supervisor, ({ state }) => state === "up");
    assertEquals(events.filter((e) => e.type === "bound").length, 2);

    const changed = supervisor.setTunnels([], { drainMs: 50 });
    await within(10_000, "the drain", changed);
    assertEquals(await receiveText(conn), "");
    assertEquals(supervisor.snapshot.state, "up");
  },
);

serverTest(
  "sshd",
  "a supervisor stops for good where forwarding is prohibited",
  async () => {
    await using sshd = await startSshd({ config: ["AllowTcpForwarding no"] });
    const { supervisor, events } = start(sshd, {
      tunnels: [
        { bind: { port: 0 }, target: { port: 1 } },
        { bind: { port: 18_080 }, target: { port: 1 } },
      ],
    });
    const { error } = await supervisor.closed;
    assert(error instanceof ForwardDeniedError);
    const denied = events.filter((e) => e.type === "denied");
    assertEquals(denied.map((e) => [e.reason, e.ms]), [
      ["prohibited", undefined],
      ["prohibited", undefined],
    ]);
    assertEquals(statesOf(events), ["stopped"]);
  },
);

serverTest(
  "sshd",
  "a supervisor keeps the other tunnels, unless it is all or nothing",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const tunnels = [
      { bind: { port: taken.addr.port }, target: { port: 1 } },
      { bind: { port: 0 }, target: { port: echo.port } },
    ];
    const some =
      start(sshd, { tunnels, bindRetry: { ...retry, forMs: 100 } }).supervisor;
    await using _ = some;
    const degraded = await until(
      some,
      ({ state, tunnels }) =>
        state === "degraded" && tunnels[0]?.state === "denied",
    );
    assertEquals(await ask(portOf(degraded, 1), "hi"), "echo: hi");

    const none = start(sshd, { tunnels, allOrNothing: true });
    const { error } = await none.supervisor.closed;
    assert(error instanceof ForwardDeniedError);
    assertEquals(error.bind, { hostname: "127.0.0.1", port: taken.addr.port });
    assertEquals(statesOf(none.events), ["stopped"]);
  },
);
