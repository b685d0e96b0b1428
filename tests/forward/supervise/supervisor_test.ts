/** A supervisor's life: it brings tunnels up, changes them while it runs, and stops. */
import { setTimeout as delay } from "node:timers/promises";
import {
  ArgumentError,
  ConnectError,
  supervise,
  type SupervisorOptions,
} from "../../../mod.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
} from "../../assert.ts";
import { loginOptions } from "../../servers/login_options.ts";
import { serverTest } from "../../servers/availability.ts";
import { startSshd } from "../../servers/openssh.ts";
import { within } from "../../within.ts";
import {
  ask,
  connectTo,
  isRefused,
  receiveText,
  startEcho,
  visit,
} from "../rig.ts";
import { portOf, start, statesOf, types, until } from "./supervisor_rig.ts";

serverTest(
  "sshd",
  "supervise() brings tunnels up, and reports each step",
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
    const happened = ["connecting", "connected", "bound", "verified", "up"];
    assertEquals(types(events).slice(0, 6), [...happened, "opened"]);

    await supervisor.stop();
    assertEquals(supervisor.snapshot.state, "stopped");
    assertEquals(await supervisor.closed, { reason: "closed" });
    assert(await isRefused(port));
    assertEquals(types(events).slice(-2), ["stopped", "stopped"]);
  },
);

serverTest(
  "sshd",
  "supervise() reports how long a connection took, even if the clock is set back",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    const closed = Promise.withResolvers<number>();
    const { supervisor } = start(sshd, {
      tunnels: [{ bind: { port: 0 }, target: { port: echo.port } }],
      onEvent: (event) => {
        if (event.type === "closed") closed.resolve(event.ms);
      },
    });
    await using _ = supervisor;
    await supervisor.ready;
    using _clock = setClockBack(3_600_000);
    assertEquals(await ask(portOf(supervisor.snapshot), "hi"), "echo: hi");
    const ms = await within(20_000, "the end", closed.promise);
    assert(ms >= 0 && Number.isInteger(ms), `${ms}`);
  },
);

/** Lets `Date.now()` lag behind until disposed of. */
function setClockBack(ms: number): Disposable {
  const { now } = Date;
  Date.now = () => now() - ms;
  return { [Symbol.dispose]: () => Date.now = now };
}

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

for (const end of ["stop", "setTunnels"] as const) {
  serverTest(
    "sshd",
    `supervisor.${end}() lets live connections end within the drain time`,
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
      await within<unknown>(10_000, "the drain", ended);
      await supervisor.stop();
      assertEquals(await supervisor.closed, { reason: "closed" });
    },
  );
}

serverTest(
  "sshd",
  "supervisor.setTunnels() keeps the tunnels that stay, and binds and releases the others",
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
  "supervisor.setTunnels() distinguishes fetch handlers",
  async () => {
    await using sshd = await startSshd();
    const [one, two] = ["one", "two"].map((text) => () => new Response(text));
    const tunnel = { bind: { port: 0 }, target: { fetch: one! } };
    const { supervisor } = start(sshd, { tunnels: [tunnel] });
    await using _ = supervisor;
    await supervisor.ready;
    const port = portOf(supervisor.snapshot, 0)!;
    const ask = async () =>
      await (await fetch(`http://127.0.0.1:${port}/`)).text();
    assertEquals(await ask(), "one");

    await supervisor.setTunnels([{ ...tunnel, target: { fetch: one! } }]);
    assertEquals(portOf(supervisor.snapshot, 0), port);
    assertEquals(supervisor.snapshot.state, "up");

    await supervisor.setTunnels([{ bind: { port }, target: { fetch: two! } }]);
    await until(supervisor, ({ tunnels }) => tunnels[0]?.state === "up");
    assertEquals(await ask(), "two");
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
        connect: { ...loginOptions(sshd), port },
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
    ["tunnels", { tunnels: undefined as never }],
    ["tunnels", { tunnels: tunnels[0] as never }],
    ["tunnels[0]", { tunnels: [undefined as never] }],
  ];
  for (const [argument, options] of wrong) {
    const error = assertThrows(
      () => supervise({ connect, tunnels, ...options }),
      ArgumentError,
    );
    assertEquals(error.argument, argument);
  }
});
