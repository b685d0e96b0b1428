/** How a supervisor connects, connects again, and when it stops trying. */
import { setTimeout as delay } from "node:timers/promises";
import {
  AuthenticationError,
  ConnectError,
  type ConnectOptions,
  HostKeyError,
  RForwardError,
  supervise,
} from "../../../mod.ts";
import { startTestServer } from "../../../src/testing/mod.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { loginOptions } from "../../servers/login_options.ts";
import { serverTest } from "../../servers/availability.ts";
import { startSshd } from "../../servers/openssh.ts";
import { startProxy } from "../../servers/proxy.ts";
import { run } from "../../servers/run.ts";
import { startSshAgent } from "../../servers/ssh_agent.ts";
import type { SshServer } from "../../servers/ssh_server.ts";
import { within } from "../../within.ts";
import { ask, startEcho } from "../rig.ts";
import { portOf, retry, start, types, until } from "./supervisor_rig.ts";

serverTest(
  "sshd",
  "a supervisor binds the same ports again after its session was killed, ten times",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    const { supervisor, events } = start(sshd, {
      tunnels: [
        { bind: { port: 0 }, target: { port: echo.port } },
        {
          bind: { hostname: "localhost", port: 0 },
          target: { port: echo.port },
        },
      ],
    });
    await using _ = supervisor;
    await supervisor.ready;
    const ports = [0, 1].map((i) => portOf(supervisor.snapshot, i));
    for (let round = 1; round <= 10; round++) {
      sshd.killSessions("SIGKILL");
      const snapshot = await until(
        supervisor,
        ({ state, reconnects }) => state === "up" && reconnects === round,
      );
      assertEquals([0, 1].map((i) => portOf(snapshot, i)), ports);
      for (const port of ports) assertEquals(await ask(port, "hi"), "echo: hi");
    }
    while (supervisor.snapshot.tunnels.some((t) => t.live > 0)) await delay(5);
    const { tunnels } = supervisor.snapshot;
    assertEquals(tunnels.map((t) => t.total), [10, 10]);
    assertEquals(tunnels.map((t) => t.bytesToTarget), [20, 20]);
    assertEquals(events.filter((e) => e.type === "lost").length, 10);
    assertEquals(events.filter((e) => e.type === "bound").length, 22);
  },
);

serverTest(
  "sshd",
  "a supervisor connects once there is a server",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    let reachable = false;
    const { supervisor, events } = start(sshd, {
      connect: async (signal) => {
        const { connect } = await import("../../../mod.ts");
        return connect({
          ...loginOptions(sshd),
          ...(reachable ? {} : { port: 1 }),
          signal,
        });
      },
      tunnels: [{ bind: { port: 0 }, target: { port: echo.port } }],
    });
    await using _ = supervisor;
    const waiting = await until(supervisor, ({ state }) => state === "waiting");
    assert(waiting.error instanceof ConnectError);
    assert(waiting.until! > waiting.since);
    reachable = true;
    await supervisor.ready;
    assertEquals(await ask(portOf(supervisor.snapshot), "hi"), "echo: hi");
    const attempts = events.flatMap((e) =>
      e.type === "connecting" ? [e.attempt] : []
    );
    assertEquals(attempts, attempts.map((_, i) => i + 1));
  },
);

serverTest(
  "sshd",
  "a supervisor stops connecting after `maxAttempts`",
  async () => {
    await using sshd = await startSshd();
    const { supervisor, events } = start(sshd, {
      connect: { ...loginOptions(sshd), port: 1 },
      maxAttempts: 3,
      tunnels: [],
    });
    const { reason, error } = await supervisor.closed;
    assertEquals(reason, "lost");
    assert(error instanceof ConnectError);
    await assertRejects(() => supervisor.ready, ConnectError);
    assertEquals(events.filter((e) => e.type === "connecting").length, 3);
  },
);

Deno.test("a supervisor stops connecting after `connectRetry.forMs`", async () => {
  let attempts = 0;
  const where = { hostname: "server.example", port: 22 };
  const failing = () => {
    attempts++;
    const error = new ConnectError("connect-failed", where, "not reachable");
    return Promise.reject(error);
  };
  await using supervisor = supervise({
    connect: failing,
    connectRetry: { firstMs: 1, maxMs: 1, forMs: 20 },
    tunnels: [],
  });
  const { reason, error } = await within(10_000, "the end", supervisor.closed);
  assertEquals(reason, "lost");
  assert(error instanceof ConnectError);
  assert(attempts > 2, `${attempts}`);

  attempts = 0;
  await using once = supervise({
    connect: failing,
    connectRetry: { forMs: 0 },
    tunnels: [],
  });
  await within(10_000, "the end", once.closed);
  assertEquals(attempts, 1);
});

serverTest(
  "sshd",
  "a supervisor notices a dead network by its keepalive, and reconnects when it recovers",
  async () => {
    await using sshd = await startSshd();
    await using proxy = startProxy(sshd);
    await using echo = startEcho("echo");
    const { supervisor } = start(sshd, {
      connect: {
        ...loginOptions(sshd),
        port: proxy.port,
        hostKeys: {
          text: sshd.knownHosts.replace(`:${sshd.port}`, `:${proxy.port}`),
        },
        keepalive: { intervalMs: 400, countMax: 3 },
      },
      tunnels: [{ bind: { port: 0 }, target: { port: echo.port } }],
    });
    await using _ = supervisor;
    await supervisor.ready;
    const port = portOf(supervisor.snapshot);

    proxy.freeze();
    const lost = await until(supervisor, ({ state }) => state === "waiting");
    assertEquals(lost.error?.code, "connection-lost");
    proxy.cut(); // as the server's own keepalive would
    proxy.thaw();
    await until(supervisor, ({ state }) => state === "up");

    assertEquals(portOf(supervisor.snapshot), port);
    assertEquals(await ask(port, "hi"), "echo: hi");
  },
);

const hopeless: [
  string,
  (server: SshServer) => ConnectOptions,
  new (...args: never[]) => Error,
][] = [
  [
    "a host key that changed",
    (server) => ({
      ...loginOptions(server),
      hostKeys: { text: otherKey(server) },
    }),
    HostKeyError,
  ],
  [
    "a login that is refused",
    (server) => ({
      ...loginOptions(server),
      privateKeys: [],
      password: "wrong",
    }),
    AuthenticationError,
  ],
];

for (const [what, options, type] of hopeless) {
  serverTest("sshd", `a supervisor stops at once on ${what}`, async () => {
    await using sshd = await startSshd();
    const { supervisor, events } = start(sshd, {
      connect: options(sshd),
      tunnels: [{ bind: { port: 0 }, target: { port: 1 } }],
    });
    const { error } = await supervisor.closed;
    assert(error instanceof type, `${error}`);
    assertEquals(events.filter((e) => e.type === "connecting").length, 1);
    assertEquals(types(events).at(-1), "stopped");
  });
}

Deno.test("a supervisor connects again if its connection breaks off in the middle of the login", async () => {
  await using server = await startTestServer({ keyboardInteractive: true });
  const asked = Promise.withResolvers<void>();
  let logins = 0;
  await using supervisor = supervise({
    connect: {
      hostname: server.hostname,
      port: server.port,
      user: server.user,
      hostKeys: { text: server.knownHosts },
      keyboardInteractive: () => {
        asked.resolve();
        const never = new Promise<string[]>(() => {});
        return ++logins === 1 ? never : Promise.resolve([server.password]);
      },
    },
    tunnels: [{ bind: { port: 0 }, target: { port: 1 } }],
    connectRetry: retry,
  });
  await asked.promise;
  await server.disconnectAll();
  await within(20_000, "the supervisor", supervisor.ready);
  assertEquals(logins, 2);
});

function otherKey(server: SshServer): string {
  const [host, type, key = ""] = server.knownHosts.trim().split(" ");
  const last = key.at(-1) === "A" ? "B" : "A";
  return `${host} ${type} ${key.slice(0, -1)}${last}\n`;
}

Deno.test("a supervisor stops on what its connect function did wrong", async () => {
  const supervisor = supervise({
    connect: () => Promise.reject(new TypeError("oops")),
    tunnels: [],
  });
  const { error } = await supervisor.closed;
  assert(error instanceof RForwardError);
  assertEquals(error.message, "oops");
});

serverTest(
  "sshd",
  "supervise() waits for an agent that is locked when it connects again",
  async () => {
    await using server = await startSshd();
    await using agent = await startSshAgent([server.keyFile]);
    await using proxy = startProxy(server);
    const { supervisor } = start(server, {
      connect: {
        ...{ hostname: proxy.hostname, port: proxy.port, user: server.user },
        agent: agent.socket,
        hostKeys: "insecure-accept-any",
      },
      tunnels: [],
    });
    await using _ = supervisor;
    const setLock = (flag: "-x" | "-X") =>
      run("sh", [
        "-c",
        `printf '#!/bin/sh\\necho lock\\n' > "$0" && chmod 700 "$0" && SSH_AUTH_SOCK="$1" SSH_ASKPASS="$0" SSH_ASKPASS_REQUIRE=force ssh-add ${flag}`,
        `${agent.socket}.ask`,
        agent.socket,
      ]);
    await until(supervisor, ({ state }) => state === "up");
    await setLock("-x");
    proxy.cut();
    const { error } = await until(
      supervisor,
      ({ state, error }) =>
        state === "waiting" && error?.code === "authentication-failed",
    );
    assert(error instanceof AuthenticationError && error.agentFailed);
    await setLock("-X");
    await until(supervisor, ({ state }) => state === "up");
  },
);
