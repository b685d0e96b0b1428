import { setTimeout as delay } from "node:timers/promises";
import {
  ArgumentError,
  AuthenticationError,
  connect,
  ConnectError,
  type ConnectOptions,
  ForwardDeniedError,
  type ForwardedOpenTaker,
  HostKeyError,
  RForwardError,
  type SshConnection,
  supervise,
  type Supervisor,
  type SupervisorEvent,
  type SupervisorOptions,
  type SupervisorSnapshot,
  type TcpBind,
} from "../../../mod.ts";
import { startTestServer } from "../../../src/testing/mod.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { startSshd } from "../../servers/openssh.ts";
import { startProxy } from "../../servers/proxy.ts";
import { run } from "../../servers/run.ts";
import { startSshAgent } from "../../servers/ssh_agent.ts";
import type { SshServer } from "../../servers/ssh_server.ts";
import { within } from "../../within.ts";
import {
  ask,
  connectTo,
  isRefused,
  receiveText,
  send,
  startEcho,
  startService,
  visit,
} from "../rig.ts";

/** Waits long enough for a test, and no longer. */
const retry = { firstMs: 20, maxMs: 100 };

function login(server: SshServer): ConnectOptions {
  return {
    hostname: server.hostname,
    port: server.port,
    user: server.user,
    privateKeys: [{ file: server.keyFile }],
    hostKeys: { text: server.knownHosts },
  };
}

/** A supervisor with short waits that notes what happens. */
function start(
  server: SshServer,
  options: Partial<SupervisorOptions> & Pick<SupervisorOptions, "tunnels">,
): { supervisor: Supervisor; events: SupervisorEvent[] } {
  const events: SupervisorEvent[] = [];
  const supervisor = supervise({
    connect: login(server),
    connectRetry: retry,
    bindRetry: retry,
    onEvent: (event) => events.push(event),
    ...options,
  });
  return { supervisor, events };
}

/** Waits for a snapshot of a kind. */
function until(
  supervisor: Supervisor,
  fits: (snapshot: SupervisorSnapshot) => boolean,
): Promise<SupervisorSnapshot> {
  const search = async () => {
    for await (const snapshot of supervisor) {
      if (fits(snapshot)) return snapshot;
    }
    throw new Error("it has stopped");
  };
  return within(20_000, "the supervisor", search());
}

function portOf({ tunnels }: SupervisorSnapshot, index = 0): number {
  return (tunnels[index]!.bound as TcpBind).port;
}

function statesOf(events: readonly SupervisorEvent[]): string[] {
  return events.flatMap((event) => event.type === "state" ? event.state : []);
}

function types(events: readonly SupervisorEvent[]): string[] {
  return events.map((e) => e.type === "state" ? e.state : e.type);
}

serverTest(
  "sshd",
  "supervise() brings tunnels up, and tells each step",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    const { supervisor, events } = start(sshd, {
      tunnels: [{ bind: { port: 0 }, target: { port: echo.port } }],
    });
    await using _ = supervisor;
    await supervisor.ready;

    const port = portOf(supervisor.snapshot);
    assertEquals(await ask(port, "hi"), "echo: hi");
    const { tunnels: [tunnel], server, reconnects } = supervisor.snapshot;
    assertEquals(server?.hostname, sshd.hostname);
    assertEquals(reconnects, 0);
    assertEquals(tunnel?.probe?.verdict, "verified");
    assertEquals(tunnel?.target, `127.0.0.1:${echo.port}`);
    assertEquals(tunnel?.asked, { hostname: "127.0.0.1", port: 0 });
    await until(supervisor, ({ tunnels }) => tunnels[0]?.total === 1)
      .catch(() => {}); // counters make no snapshots
    assertEquals(tunnel?.state, "up");
    assertEquals(types(events), [
      "connecting",
      "connected",
      "bound",
      "verified",
      "up",
      "connection",
    ]);

    await supervisor.stop();
    assertEquals(supervisor.snapshot.state, "stopped");
    assertEquals(await supervisor.closed, { reason: "closed" });
    assert(await isRefused(port));
    assertEquals(types(events).slice(-2), ["stopped", "stopped"]);
  },
);

serverTest(
  "sshd",
  "a supervisor has the same ports again after its session was killed, ten times",
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
  "a supervisor has its Unix socket again after its session was killed",
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
  "a supervisor connects once there is a server",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    let reachable = false;
    const { supervisor, events } = start(sshd, {
      connect: async (signal) => {
        const { connect } = await import("../../../mod.ts");
        return connect({
          ...login(sshd),
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
  "a supervisor gives up connecting after `maxAttempts`",
  async () => {
    await using sshd = await startSshd();
    const { supervisor, events } = start(sshd, {
      connect: { ...login(sshd), port: 1 },
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

Deno.test("a supervisor gives up connecting once `connectRetry.forMs` is over", async () => {
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
  const { reason, error } = await within(5000, "the end", supervisor.closed);
  assertEquals(reason, "lost");
  assert(error instanceof ConnectError);
  assert(attempts > 2, `${attempts}`);

  attempts = 0;
  await using once = supervise({
    connect: failing,
    connectRetry: { forMs: 0 },
    tunnels: [],
  });
  await within(5000, "the end", once.closed);
  assertEquals(attempts, 1);
});

serverTest(
  "sshd",
  "a supervisor notices a dead network by its keepalive, and is there when it heals",
  async () => {
    await using sshd = await startSshd();
    await using proxy = startProxy(sshd);
    await using echo = startEcho("echo");
    const { supervisor } = start(sshd, {
      connect: {
        ...login(sshd),
        port: proxy.port,
        hostKeys: {
          text: sshd.knownHosts.replace(`:${sshd.port}`, `:${proxy.port}`),
        },
        keepalive: { intervalMs: 200, countMax: 3 },
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

serverTest(
  "sshd",
  "a supervisor waits for a port that a ghost holds, and is not up before it has it",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    await using ghost = await connectTo(sshd);
    const bind = await ghost.requestForward({ hostname: "127.0.0.1", port: 0 });
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

    await ghost.close();
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
  "a supervised tunnel is checked before it counts as up",
  async () => {
    await using sshd = await startSshd();
    const states: unknown[] = [];
    for (const verify of [true, false]) {
      states.splice(0);
      const note = () => states.push(supervisor.snapshot.tunnels[0]?.state);
      const { supervisor } = start(sshd, {
        tunnels: [{ bind: { port: 0 }, target: { port: 1 } }],
        verify,
        onEvent: (event) => {
          if (event.type === "verified") note();
          if (event.type !== "bound") return;
          assertEquals(event.checking, verify);
          note();
        },
      });
      await using _ = supervisor;
      await supervisor.ready;
      note();
      assertEquals(
        states,
        verify ? ["binding", "checking", "up"] : ["binding", "up"],
      );
    }
  },
);

serverTest(
  "sshd",
  "a supervisor counts the connections that a target does not take, and says why while it goes on",
  async () => {
    await using sshd = await startSshd();
    const closing = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = closing.addr;
    closing.close();
    const failures: number[] = [];
    const { supervisor } = start(sshd, {
      tunnels: [{ bind: { port: 0 }, target: { port } }],
      onEvent: (event) => {
        if (event.type === "target-error") failures.push(event.failed);
      },
    });
    await using _ = supervisor;
    await supervisor.ready;
    const figures = () => {
      const { total, failed, targetError } = supervisor.snapshot.tunnels[0]!;
      return [total, failed, targetError?.code];
    };
    assertEquals(figures(), [0, 0, undefined]);
    const bound = portOf(supervisor.snapshot);
    for (let i = 0; i < 2; i++) await ask(bound, "hi").catch(() => "");
    assertEquals(figures(), [0, 2, "target-refused"]);
    assertEquals(failures, [1, 2]);

    await using _back = startService(
      (conn) => send(conn, "back"),
      Deno.listen({ hostname: "127.0.0.1", port }),
    );
    using conn = await visit(bound);
    assertEquals(await receiveText(conn), "back");
    assertEquals(figures(), [1, 2, undefined]);
  },
);

serverTest(
  "sshd",
  "a supervisor binds anew when it finds later that another program answers",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    let held: SshConnection | undefined;
    // What is cancelled on it is as if the server had lost it.
    const forgetful = (connection: SshConnection) =>
      new Proxy(held = connection, {
        get(target, key) {
          if (key === "takeForwardedOpens") {
            return (taker: ForwardedOpenTaker) =>
              target.takeForwardedOpens(taker);
          }
          const value = Reflect.get(target, key);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    const { supervisor, events } = start(sshd, {
      tunnels: [{ bind: { port: 0 }, target: { port: echo.port } }],
      verify: { everyMs: 50 },
      // Counted from the denial, not from the start.
      bindRetry: { ...retry, forMs: 200 },
      connect: async (signal) =>
        forgetful(await connect({ ...login(sshd), signal })),
    });
    await using _ = supervisor;
    await supervisor.ready;
    const { bound } = supervisor.snapshot.tunnels[0]!;
    await delay(250);

    await held!.cancelForward(bound);
    // Nothing answers, or what did has just ended.
    const { tunnels: [lost] } = await until(
      supervisor,
      ({ tunnels }) => tunnels[0]?.state === "waiting",
    );
    assert(["unreachable", "foreign"].includes(lost!.probe!.verdict));
    await until(supervisor, ({ state }) => state === "up");

    assertEquals(await ask(portOf(supervisor.snapshot), "hi"), "echo: hi");
    assertEquals(supervisor.snapshot.reconnects, 0);
    assert(types(events).includes("degraded"));
  },
);

serverTest(
  "sshd",
  "a supervisor binds a port anew that was cancelled on its connection, and lets live connections go on",
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
  "a supervisor goes on with the other tunnels, unless it is all or nothing",
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

serverTest(
  "sshd",
  "a supervisor that stops is neither degraded nor waiting meanwhile",
  async () => {
    await using sshd = await startSshd();
    for (const end of ["asked", "lost"]) {
      const { supervisor, events } = start(sshd, {
        tunnels: [{ bind: { port: 0 }, target: { port: 1 } }],
        onEvent: (event) => {
          events.push(event);
          if (event.type === "lost") void supervisor.stop();
        },
      });
      await supervisor.ready;
      if (end === "lost") sshd.killSessions("SIGKILL");
      else await supervisor.stop();
      assertEquals(await supervisor.closed, { reason: "closed" });
      assertEquals(
        statesOf(events).filter((state) => state !== "stopping"),
        ["up", "stopped"],
        end,
      );
      assertEquals(types(events).includes("waiting"), false, end);
    }
  },
);

serverTest(
  "sshd",
  "supervisor.snapshot keeps the moment of the loss while it tries again and again",
  async () => {
    await using sshd = await startSshd();
    let down = false;
    const { supervisor, events } = start(sshd, {
      connect: async () => {
        if (!down) return await connectTo(sshd);
        const where = { hostname: sshd.hostname, port: sshd.port };
        throw new ConnectError("connect-failed", where, "it is down");
      },
      tunnels: [{ bind: { port: 0 }, target: { port: 1 } }],
    });
    await using _ = supervisor;
    await supervisor.ready;
    const up = supervisor.snapshot.since;

    down = true;
    sshd.killSessions("SIGKILL");
    const lost = await until(supervisor, ({ state }) => state === "waiting");
    assert(lost.since > up);
    const tries = () => types(events).filter((type) => type === "waiting");
    await until(supervisor, () => tries().length > 3);
    assertEquals(supervisor.snapshot.since, lost.since);
  },
);

const hopeless: [
  string,
  (server: SshServer) => ConnectOptions,
  new (...args: never[]) => Error,
][] = [
  [
    "a host key that changed",
    (server) => ({ ...login(server), hostKeys: { text: otherKey(server) } }),
    HostKeyError,
  ],
  [
    "a login that is refused",
    (server) => ({ ...login(server), privateKeys: [], password: "wrong" }),
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

for (const end of ["stop", "setTunnels"] as const) {
  serverTest(
    "sshd",
    `supervisor.${end}() lets live connections end in their own time, for a while`,
    async () => {
      await using sshd = await startSshd();
      await using echo = startEcho("echo");
      const { supervisor } = start(sshd, {
        tunnels: [{ bind: { port: 0 }, target: { port: echo.port } }],
        verify: { everyMs: 20 },
      });
      await using _ = supervisor;
      await supervisor.ready;
      const port = portOf(supervisor.snapshot);
      using conn = await visit(port);
      await conn.write(new TextEncoder().encode("slow"));
      while (supervisor.snapshot.tunnels[0]?.live !== 1) {
        await delay(5);
      }

      const drainMs = 60_000;
      const ended = end === "stop"
        ? supervisor.stop({ drainMs })
        : supervisor.setTunnels([], { drainMs });
      while (!await isRefused(port)) {
        await delay(5);
      }
      await delay(60); // it would have been verified again
      if (end === "stop") {
        const { state, tunnels } = supervisor.snapshot;
        assertEquals([state, tunnels[0]?.state], ["stopping", "stopping"]);
      }
      await conn.closeWrite();
      const heard = new Uint8Array(20);
      const n = await conn.read(heard) ?? 0;
      assertEquals(
        new TextDecoder().decode(heard.subarray(0, n)),
        "echo: slow",
      );
      await within(10_000, "the drain", ended);
      await supervisor.stop();
      assertEquals(await supervisor.closed, { reason: "closed" });
    },
  );
}

serverTest(
  "sshd",
  "supervisor.setTunnels() lets those go on that stay, and binds and releases the others",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    await using other = startEcho("other");
    const stays = { bind: { port: 0 }, target: { port: echo.port } };
    const goes = {
      bind: { hostname: "localhost", port: 0 },
      target: { port: echo.port },
    };
    const { supervisor, events } = start(sshd, { tunnels: [goes, stays] });
    await using _ = supervisor;
    await supervisor.ready;
    const [gone, kept] = [0, 1].map((i) => portOf(supervisor.snapshot, i));
    using conn = await visit(kept!);
    await conn.write(new TextEncoder().encode("slow"));
    while (supervisor.snapshot.tunnels[1]?.live !== 1) await delay(5);

    const comes = { bind: { port: gone! }, target: { port: other.port } };
    await supervisor.setTunnels([{ ...stays }, comes]);
    const snapshot = await until(
      supervisor,
      ({ state, tunnels }) => state === "up" && tunnels[1]?.state === "up",
    );

    assertEquals([0, 1].map((i) => portOf(snapshot, i)), [kept, gone]);
    assertEquals(await ask(gone!, "hi"), "other: hi");
    await conn.closeWrite();
    assertEquals(await receiveText(conn), "echo: slow");
    assertEquals(snapshot.reconnects, 0);
    const bound = events.filter((e) => e.type === "bound");
    assertEquals(bound.map((e) => e.tunnel), [0, 1, 1]);

    sshd.killSessions("SIGKILL");
    const again = await until(
      supervisor,
      ({ state, reconnects }) => state === "up" && reconnects === 1,
    );
    assertEquals([0, 1].map((i) => portOf(again, i)), [kept, gone]);

    const wrong = { bind: { port: -1 }, target: { port: 1 } };
    await assertRejects(() => supervisor.setTunnels([wrong]), ArgumentError);
    assertEquals(supervisor.snapshot.tunnels.length, 2);
    await supervisor.setTunnels([]);
    assert(await isRefused(kept!) && await isRefused(gone!));
    assertEquals(supervisor.snapshot.state, "up");
  },
);

serverTest(
  "sshd",
  "the signal of a supervisor stops it, whatever it does",
  async () => {
    await using sshd = await startSshd();
    for (const port of [sshd.port, 1]) {
      const stop = new AbortController();
      const { supervisor } = start(sshd, {
        connect: { ...login(sshd), port },
        connectRetry: { firstMs: 60_000 },
        tunnels: [{ bind: { port: 0 }, target: { port: 1 } }],
        signal: stop.signal,
      });
      await until(
        supervisor,
        ({ state }) => state === (port === 1 ? "waiting" : "up"),
      );
      stop.abort();
      assertEquals(await supervisor.closed, { reason: "closed" });
    }
  },
);

Deno.test("supervise() names the option that cannot be used", () => {
  const connect = { hostname: "127.0.0.1", user: "nobody" };
  const tunnels = [{ bind: { port: 0 }, target: { port: 1 } }];
  const wrong: [string, Partial<SupervisorOptions>][] = [
    ["bindRetry.forMs", { bindRetry: { forMs: -1 } }],
    ["verify.everyMs", { verify: { everyMs: NaN } }],
    ["connectRetry.firstMs", { connectRetry: { firstMs: -5 } }],
    ["bind.port", {
      tunnels: [{ bind: { port: 70_000 }, target: { port: 1 } }],
    }],
    ["target.port", { tunnels: [{ bind: { port: 0 }, target: { port: 0 } }] }],
  ];
  for (const [argument, options] of wrong) {
    const error = assertThrows(
      () => supervise({ connect, tunnels, ...options }),
      ArgumentError,
    );
    assertEquals(error.argument, argument);
  }
});

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
