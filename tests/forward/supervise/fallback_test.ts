/** Several servers: the next one where one cannot be reached, and the way back. */
import {
  ArgumentError,
  AuthenticationError,
  ConnectError,
  ConnectionLostError,
  supervise,
  type SupervisorEvent,
  type SupervisorOptions,
} from "../../../mod.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
} from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { freePort } from "../../servers/free_port.ts";
import { type Sshd, startSshd } from "../../servers/openssh.ts";
import { loginOptions } from "../../servers/login_options.ts";
import { within } from "../../within.ts";
import { FakeConnection } from "../fake_connection.ts";
import { ask, startEcho, visit } from "../rig.ts";

const retry = { firstMs: 10, maxMs: 20 };

/** A supervisor whose events can be waited for, each once. */
function start(
  connect: SupervisorOptions["connect"],
  options: Partial<SupervisorOptions> & { target?: number } = {},
) {
  const events: SupervisorEvent[] = [];
  const times = new Map<SupervisorEvent, number>();
  let seen = 0;
  let more = Promise.withResolvers<void>();
  const { target = 9, ...rest } = options;
  const supervisor = supervise({
    connect,
    tunnels: [{ bind: { port: 0 }, target: { port: target } }],
    connectRetry: retry,
    onEvent(event) {
      events.push(event);
      times.set(event, performance.now());
      more.resolve();
      more = Promise.withResolvers();
    },
    ...rest,
  });
  async function next<T extends SupervisorEvent["type"]>(
    type: T,
    fits: (event: Extract<SupervisorEvent, { type: T }>) => boolean = () =>
      true,
  ): Promise<Extract<SupervisorEvent, { type: T }>> {
    const search = async () => {
      for (;;) {
        while (seen < events.length) {
          const event = events[seen++] as Extract<SupervisorEvent, { type: T }>;
          if (event.type === type && fits(event)) return event;
        }
        await more.promise;
      }
    };
    return await within(15_000, type, search());
  }
  /** How many milliseconds are between two events. */
  const between = (one: SupervisorEvent, other: SupervisorEvent) =>
    times.get(other)! - times.get(one)!;
  return { supervisor, events, next, between };
}

async function startTwo() {
  const [first, second] = await Promise.all([startSshd(), startSshd()]);
  return {
    first,
    second,
    connect: [loginOptions(first), loginOptions(second)],
    async [Symbol.asyncDispose]() {
      await Promise.all([first, second].map((it) => it[Symbol.asyncDispose]()));
    },
  };
}

/** Where the supervisor is. */
const portOf = (event: Extract<SupervisorEvent, { type: "connected" }>) =>
  event.server.port;

async function up(rig: ReturnType<typeof start>): Promise<number> {
  await rig.next("state", ({ state }) => state === "up");
  const bound = rig.supervisor.snapshot.tunnels[0]?.bound;
  assert(bound && "port" in bound);
  return bound.port;
}

serverTest(
  "sshd",
  "a supervisor uses the next server once one could not be reached for a while, and returns when nothing is live",
  async () => {
    await using echo = startEcho("echo");
    await using servers = await startTwo();
    const { first, second, connect } = servers;
    const rig = start(connect, {
      target: echo.port,
      fallback: { afterMs: 200, returnEveryMs: 20 },
    });
    await using supervisor = rig.supervisor;
    assertEquals(portOf(await rig.next("connected")), first.port);
    await up(rig);

    await first.stop();
    const lost = await rig.next("lost");
    const switching = await rig.next("switching");
    const ms = rig.between(lost, switching);
    assert(ms > 150, `${ms}`);
    assertEquals([switching.from, switching.to], [0, 1]);
    assertEquals(switching.error?.code, "connect-failed");
    assertEquals(portOf(await rig.next("connected")), second.port);
    const port = await up(rig);
    assertEquals(await ask(port, "hi"), "echo: hi");

    // A connection that is live holds it there.
    const held = await visit(port);
    await rig.next("opened");
    await first.start();
    await new Promise((resolve) => setTimeout(resolve, 200));
    assertEquals(supervisor.connection?.server.port, second.port);
    held.close();
    const back = await rig.next("switching");
    assertEquals([back.from, back.to, back.error], [1, 0, undefined]);
    assertEquals(portOf(await rig.next("connected")), first.port);
    assertEquals(await ask(await up(rig), "hi"), "echo: hi");
    assertEquals(supervisor.snapshot.reconnects, 2);
    assertEquals(await sessions(second), 0);
  },
);

/** How many connections an sshd has, once those that end are gone. */
async function sessions(sshd: Sshd): Promise<number> {
  for (let i = 0; i < 100; i++) {
    if (sshd.killSessions("SIGCONT") === 0) return 0;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return sshd.killSessions("SIGCONT");
}

serverTest(
  "sshd",
  "a supervisor returns to the first server at once by option, and when told to try now",
  async () => {
    await using echo = startEcho("echo");
    await using servers = await startTwo();
    const { first, connect } = servers;
    await first.stop();
    const rig = start(connect, {
      target: echo.port,
      fallback: { afterMs: 0, returnEveryMs: 60_000, returnWhen: "at-once" },
    });
    await using supervisor = rig.supervisor;
    const port = await up(rig);
    assertEquals(rig.events.filter((it) => it.type === "waiting"), []);
    using _held = await visit(port);
    await rig.next("opened");
    supervisor.tryNow(); // in vain
    await first.start();
    supervisor.tryNow();
    await rig.next("switching", ({ to }) => to === 0);
    assertEquals(portOf(await rig.next("connected")), first.port);
  },
);

serverTest(
  "sshd",
  "a supervisor stays with the fallback by option, and leaves nothing open when it stops there",
  async () => {
    await using servers = await startTwo();
    const { first, second, connect } = servers;
    await first.stop();
    const rig = start(connect, {
      fallback: { afterMs: 0, returnEveryMs: 1, returnWhen: "never" },
    });
    await up(rig);
    await first.start();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await rig.supervisor.stop();
    assertEquals(await sessions(second), 0);
    assert(!(await first.log()).includes("Accepted"));
  },
);

serverTest(
  "sshd",
  "a supervisor leaves out a server for good that refuses the login, and fails with the first one's error if all do",
  async () => {
    await using servers = await startTwo();
    const [first, second] = servers.connect;
    const wrong = { ...first!, privateKeys: [], password: "wrong" };
    const rig = start([wrong, second!], { fallback: { returnEveryMs: 1 } });
    await using _supervisor = rig.supervisor;
    const { error } = await rig.next("switching");
    assertEquals(error?.code, "authentication-failed");
    assertEquals(portOf(await rig.next("connected")), servers.second.port);
    await up(rig);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const log = await servers.first.log();
    assertEquals(log.match(/^Connection (closed|reset) by/gm)?.length, 1, log);

    const none = start([wrong, { ...wrong, port: servers.second.port }], {});
    const end = await assertRejects(() => none.supervisor.ready, Error);
    assert(end instanceof AuthenticationError || end.name === "HostKeyError");
    await none.supervisor.closed;
  },
);

Deno.test("a supervisor goes around its servers with waits in between, as often as maxAttempts says for each", async () => {
  const ports = [freePort(), freePort(), freePort()];
  const tried: number[] = [];
  const rig = start(
    ports.map((port) => () => {
      tried.push(ports.indexOf(port));
      const where = { hostname: "127.0.0.1", port };
      const error = new ConnectError("connect-failed", where, `at ${port}`);
      return Promise.reject(error);
    }),
    { maxAttempts: 2 },
  );
  const error = await assertRejects(() => rig.supervisor.ready, ConnectError);
  assertEquals(tried, [0, 0, 1, 1, 2, 2]);
  assertEquals(error.message, `at ${ports[2]}`);

  tried.length = 0;
  const around = start(
    ports.map((_, i) => () => {
      tried.push(i);
      const where = { hostname: "127.0.0.1", port: 1 };
      const error = new ConnectError("connect-failed", where, `at ${i}`);
      return Promise.reject(error);
    }),
    { fallback: { afterMs: 0 } },
  );
  await around.next("switching", ({ from }) => from === 2);
  await around.next("waiting");
  await around.next("switching", ({ from }) => from === 2);
  await around.supervisor.stop();
  assertEquals(tried.slice(0, 6), [0, 1, 2, 0, 1, 2]);
});

/** A first server that ends each connection soon after the login, and a second one that stays. */
function startFlapping(
  options: Partial<SupervisorOptions>,
  isDownAtFirst = false,
) {
  let isDown = isDownAtFirst;
  const flapping = () => {
    if (isDown) {
      isDown = false;
      const where = { hostname: "127.0.0.1", port: 1 };
      return Promise.reject(new ConnectError("connect-failed", where, "down"));
    }
    const connection = new FakeConnection("flapping");
    setTimeout(() => connection.end(new ConnectionLostError("as usual")));
    return Promise.resolve(connection);
  };
  const steady = () => Promise.resolve(new FakeConnection("steady"));
  return start([flapping, steady], { verify: false, ...options });
}

Deno.test("a supervisor leaves a server that can be reached, but does not stay, for the next one", async () => {
  const rig = startFlapping({
    fallback: { afterMs: 50, returnWhen: "never" },
  });
  await using supervisor = rig.supervisor;
  const { error } = await rig.next("switching");
  assertEquals(error?.code, "connection-lost");
  await up(rig);
  assertEquals(supervisor.snapshot.server?.software, "steady");
  const waits = rig.events.filter(({ type }) => type === "waiting");
  const losses = rig.events.filter(({ type }) => type === "lost");
  assert(losses.length > 1, `${losses.length}`);
  assertEquals(waits.length, losses.length); // none is tried again at once
});

Deno.test("a supervisor goes back at once if the first server is lost soon after the return, and returns less often", async () => {
  const rig = startFlapping({
    fallback: { afterMs: 60_000, returnEveryMs: 250, returnWhen: "at-once" },
    maxAttempts: 1,
  }, true);
  await using _ = rig.supervisor;
  const times: number[] = [];
  for (let i = 0; i < 3; i++) {
    const there = await rig.next(
      "connected",
      ({ server }) => server.software === "steady",
    );
    const back = await rig.next("switching");
    assertEquals([back.from, back.to, back.error], [1, 0, undefined]);
    times.push(rig.between(there, back));
    const away = await rig.next("switching");
    assertEquals([away.from, away.to], [0, 1]);
  }
  assert(times[1]! > 490 && times[2]! > 990, `${times}`);
});

Deno.test("a supervisor checks its servers' options", () => {
  const connect = { hostname: "127.0.0.1", user: "u" };
  const wrong: [Partial<SupervisorOptions>, string][] = [
    [{ connect: [] }, "connect"],
    [{ connect: undefined as never }, "connect"],
    [{ connect: [connect, 5 as never] }, "connect"],
    [{ fallback: { afterMs: -1 } }, "fallback.afterMs"],
    [{ fallback: { returnEveryMs: NaN } }, "fallback.returnEveryMs"],
    [{ fallback: { returnEveryMs: 0 } }, "fallback.returnEveryMs"],
    [{ verify: { everyMs: 0 } }, "verify.everyMs"],
    [{ fallback: { returnWhen: "x" as "idle" } }, "fallback.returnWhen"],
  ];
  for (const [options, argument] of wrong) {
    const error = assertThrows(
      () => supervise({ connect, tunnels: [], ...options }),
      ArgumentError,
    );
    assertEquals(error.argument, argument);
  }
  assertThrows(() => supervise(undefined as never), ArgumentError);
});
