/** Supervised tunnels whose target is checked, on a real sshd. */
import {
  ArgumentError,
  supervise,
  type SupervisorEvent,
  type SupervisorSnapshot,
  type Target,
} from "../../../../mod.ts";
import { assert, assertEquals, assertThrows } from "../../../assert.ts";
import { serverTest } from "../../../servers/availability.ts";
import { loginOptions } from "../../../servers/login_options.ts";
import { startSshd } from "../../../servers/openssh.ts";
import { within } from "../../../within.ts";
import { until } from "../supervisor_rig.ts";
import { ask, isRefused, startEcho, startService } from "../../rig.ts";

/** A supervised tunnel to a port whose service comes and goes. */
async function startSite(releaseWhenDown: boolean, isUp: boolean) {
  await using stack = new AsyncDisposableStack();
  const sshd = stack.use(await startSshd());
  let service = startEcho("echo");
  const { port } = service;
  if (!isUp) await service[Symbol.asyncDispose]();
  const events: SupervisorEvent[] = [];
  const supervisor = stack.use(supervise({
    connect: loginOptions(sshd),
    tunnels: [{
      bind: { port: 0 },
      target: { port },
      checkTarget: { everyMs: 20, releaseWhenDown },
    }],
    allOrNothing: true,
    onEvent: (event) => events.push(event),
  }));
  stack.defer(() => service[Symbol.asyncDispose]());
  const kept = stack.move();
  return {
    supervisor,
    events,
    until: (fits: (snapshot: SupervisorSnapshot) => boolean) =>
      until(supervisor, fits),
    stopService: () => service[Symbol.asyncDispose](),
    startService: () => {
      service = startEcho(
        "echo",
        Deno.listen({ hostname: "127.0.0.1", port }),
      );
    },
    [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose](),
  };
}

const stateIs = (state: string) => (snapshot: SupervisorSnapshot) =>
  snapshot.tunnels[0]?.state === state;

serverTest(
  "sshd",
  "checkTarget says that the target is down and that it answers again, and leaves the port bound",
  async () => {
    await using site = await startSite(false, true);
    await site.supervisor.ready;
    const { port } = site.supervisor.snapshot.tunnels[0]!.bound as {
      port: number;
    };
    assertEquals(await ask(port, "hi"), "echo: hi");
    await site.stopService();
    // A tunnel's state changes before the supervisor's does.
    const down = await site.until((snapshot) =>
      stateIs("target-down")(snapshot) && snapshot.state === "degraded"
    );
    // A check that the service has not accepted when it stops is reset.
    assert(/^target-(refused|unreachable)$/.test(down.error?.code ?? ""));
    assertEquals(await isRefused(port), false);
    site.startService();
    const up = await site.until((snapshot) =>
      stateIs("up")(snapshot) && snapshot.state === "up"
    );
    assertEquals(up.error, undefined);
    assertEquals(await ask(port, "hi"), "echo: hi");
    assertEquals(
      site.events.map(({ type }) => type).filter((type) =>
        /^target-|^bound/.test(type)
      ).filter((type) => type !== "target-error"),
      ["bound", "target-down", "target-up"],
    );
  },
);

serverTest(
  "sshd",
  "checkTarget with releaseWhenDown gives the port back while the target is down, and lets live connections continue",
  async () => {
    await using site = await startSite(true, true);
    await site.supervisor.ready;
    const { port } = site.supervisor.snapshot.tunnels[0]!.bound as {
      port: number;
    };
    await site.stopService();
    await site.until(stateIs("target-down"));
    const refused = async () => {
      while (!await isRefused(port)) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    await within(10_000, "the release", refused());
    site.startService();
    await site.until(stateIs("up"));
    assertEquals(await ask(port, "hi"), "echo: hi");
    const down = site.events.find(({ type }) => type === "target-down");
    assert(down?.type === "target-down" && down.released);
  },
);

serverTest(
  "sshd",
  "checkTarget with releaseWhenDown does not ask for the port before the target answers; that is no failed forward",
  async () => {
    await using site = await startSite(true, false);
    await site.until(stateIs("target-down"));
    assertEquals(site.events.some(({ type }) => type === "bound"), false);
    site.startService();
    await site.supervisor.ready;
    assertEquals(site.supervisor.snapshot.state, "up");
  },
);

serverTest(
  "sshd",
  "checkTarget continues after the SSH connection was lost",
  async () => {
    await using sshd = await startSshd();
    await using echo = startService(async (conn) => {
      await conn.read(new Uint8Array(1));
    });
    await using supervisor = supervise({
      connect: loginOptions(sshd),
      tunnels: [{
        bind: { port: 0 },
        target: { port: echo.port },
        checkTarget: { everyMs: 20 },
      }],
    });
    await supervisor.ready;
    sshd.killSessions("SIGKILL");
    await until(
      supervisor,
      ({ state, reconnects }) => state === "up" && reconnects === 1,
    );
    const { taken } = echo;
    const more = async () => {
      while (echo.taken < taken + 3) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    await within(10_000, "checks", more());
  },
);

Deno.test("checkTarget refuses an interval of 0, and options that there are not", () => {
  const wrong: [object, string][] = [
    [{ everyMs: 0 }, "checkTarget.everyMs"],
    [{ everyMs: 1, releaseWhenDwon: true }, "checkTarget.releaseWhenDwon"],
  ];
  for (const [checkTarget, argument] of wrong) {
    const error = assertThrows(
      () =>
        supervise({
          connect: { hostname: "127.0.0.1", user: "u" },
          tunnels: [{
            bind: { port: 0 },
            target: { port: 9 },
            checkTarget: checkTarget as never,
          }],
        }),
      ArgumentError,
    );
    assertEquals(error.argument, argument);
  }
});

Deno.test("checkTarget is for targets that can be dialled", () => {
  const targets: Target[] = [
    () => {},
    { fetch: () => new Response() },
    "socks",
  ];
  for (const target of targets) {
    assertThrows(() =>
      supervise({
        connect: { hostname: "127.0.0.1", user: "u" },
        tunnels: [{ bind: { port: 0 }, target, checkTarget: { everyMs: 1 } }],
      }), ArgumentError);
  }
});
