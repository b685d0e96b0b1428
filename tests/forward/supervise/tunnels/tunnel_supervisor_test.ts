import { getEventListeners } from "node:events";
import {
  ChannelError,
  ForwardDeniedError,
  supervise,
  type Supervisor,
  type SupervisorEvent,
} from "../../../../mod.ts";
import { assertEquals } from "../../../assert.ts";
import { serverTest } from "../../../servers/availability.ts";
import { loginOptions } from "../../../servers/login_options.ts";
import { startSshd } from "../../../servers/openssh.ts";
import type { SshServer } from "../../../servers/ssh_server.ts";
import { startStaleSession } from "../../../servers/stale_session.ts";
import { startTcpServer } from "../../../servers/tcp_server.ts";
import { within } from "../../../within.ts";
import { FakeConnection } from "../../fake_connection.ts";
import { ask, startEcho } from "../../rig.ts";

/** A supervisor that asks for a port often. */
function start(
  server: SshServer,
  bind: { hostname: string; port: number },
  target: number,
  onEvent: (event: SupervisorEvent) => void = () => {},
): Supervisor {
  return supervise({
    connect: loginOptions(server),
    bindRetry: { firstMs: 50, maxMs: 50 },
    tunnels: [{ bind, target: { port: target } }],
    onEvent,
  });
}

for (const hostname of ["127.0.0.1", "localhost"]) {
  serverTest(
    "sshd",
    `a supervised tunnel connects only once to the program that holds its port of ${hostname}, and takes the port when it is free`,
    async () => {
      await using sshd = await startSshd();
      await using echo = startEcho("echo");
      const often = Promise.withResolvers<void>();
      const holder = startTcpServer(() => Promise.resolve());
      const { port } = holder;
      let refused = 0;
      await using supervisor = start(
        sshd,
        { hostname, port },
        echo.port,
        (event) => {
          if (event.type !== "denied") return;
          assertEquals(event.reason, "in-use");
          if (++refused === 5) often.resolve();
        },
      );
      await within(20_000, "five denials", often.promise);
      const { taken } = holder;
      await holder[Symbol.asyncDispose]();
      assertEquals(taken, 1);
      assertEquals(supervisor.snapshot.state, "degraded");

      await within(20_000, "the port", supervisor.ready);
      assertEquals(await ask(port, "hi"), "echo: hi");
      assertEquals(supervisor.snapshot.tunnels[0]?.probe?.verdict, "verified");
    },
  );
}

serverTest(
  ["sshd", "ssh"],
  "a supervised tunnel gets its port from a stale session, which asking for it does not keep alive",
  async () => {
    // sshd 9.2 never misses a client to whose port connections arrive all the time.
    await using sshd = await startSshd({
      config: ["ClientAliveInterval 1", "ClientAliveCountMax 1"],
    });
    await using echo = startEcho("echo");
    await using stale = await startStaleSession(sshd);
    const bind = { hostname: "127.0.0.1", port: stale.port };
    await using supervisor = start(sshd, bind, echo.port);
    await within(20_000, "the port", supervisor.ready);
    assertEquals(await ask(stale.port, "hi"), "echo: hi");
  },
);

for (const end of ["setTunnels", "stop"] as const) {
  Deno.test(`supervisor.${end}() ends a supervised tunnel that the server is still being asked for`, async () => {
    const connection = new FakeConnection();
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    connection.answer = async (bind) => {
      asked.resolve();
      await answer.promise;
      return bind;
    };
    await using supervisor = supervise({
      connect: () => Promise.resolve(connection),
      tunnels: [{ bind: { port: 5000 }, target: { port: 1 } }],
    });
    await asked.promise;
    const ended = end === "stop"
      ? supervisor.stop()
      : supervisor.setTunnels([]);
    answer.resolve();
    await ended;
    assertEquals(connection.cancelled, connection.requested);
    assertEquals(connection.signal.aborted, end === "stop");
    await supervisor.stop();
    assertEquals(await supervisor.closed, { reason: "closed" });
  });
}

Deno.test("a supervised tunnel leaves nothing behind on the connection each time that it is refused", async () => {
  const connection = new FakeConnection();
  connection.openDirectUnix = () =>
    Promise.reject(
      new ChannelError("channel-refused", "nobody", "connect-failed"),
    );
  const often = Promise.withResolvers<void>();
  let refused = 0;
  let listeners = 0;
  connection.answer = (bind) => {
    if (++refused === 5) {
      listeners = getEventListeners(connection.signal, "abort").length;
    }
    if (refused === 50) often.resolve();
    return Promise.reject(
      new ForwardDeniedError(bind as { path: string }, "no"),
    );
  };
  await using supervisor = supervise({
    connect: () => Promise.resolve(connection),
    tunnels: [{ bind: { path: "/taken" }, target: { port: 1 } }],
    bindRetry: { firstMs: 1, maxMs: 1 },
  });
  await within(10_000, "fifty denials", often.promise);
  assertEquals(
    getEventListeners(connection.signal, "abort").length,
    listeners,
  );
  await supervisor.stop();
});

Deno.test("a supervised tunnel has the server choose another port if the first was never its own", async () => {
  const connection = new FakeConnection();
  let chosen = 5000;
  connection.answer = (bind) => {
    const { hostname, port } = bind as { hostname: string; port: number };
    return Promise.resolve({ hostname, port: port || ++chosen });
  };
  // Nothing answers at the first port; the others are unspecified.
  connection.openDirect = (_, port) =>
    Promise.reject(
      new ChannelError(
        "channel-refused",
        "no",
        port === 5001 ? "connect-failed" : "administratively-prohibited",
      ),
    );
  await using supervisor = supervise({
    connect: () => Promise.resolve(connection),
    tunnels: [{ bind: { port: 0 }, target: { port: 1 } }],
    bindRetry: { firstMs: 1, maxMs: 1 },
  });
  await within(10_000, "the port", supervisor.ready);
  assertEquals(
    connection.requested.map((bind) => "port" in bind && bind.port),
    [
      0,
      0,
    ],
  );
  assertEquals(supervisor.snapshot.tunnels[0]?.bound, {
    hostname: "127.0.0.1",
    port: 5002,
  });
});
