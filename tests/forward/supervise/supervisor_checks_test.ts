/** How a supervisor checks that its tunnels reach their targets. */
import { setTimeout as delay } from "node:timers/promises";
import {
  connect,
  type ForwardedOpenTaker,
  type SshConnection,
  supervise,
  type SupervisedTunnelState,
} from "../../../mod.ts";
import { startTestServer } from "../../../src/testing/mod.ts";
import { assert, assertEquals } from "../../assert.ts";
import { freePort } from "../../servers/free_port.ts";
import { loginOptions } from "../../servers/login_options.ts";
import { serverTest } from "../../servers/availability.ts";
import { startSshd } from "../../servers/openssh.ts";
import {
  ask,
  receiveText,
  send,
  startEcho,
  startService,
  visit,
} from "../rig.ts";
import { portOf, retry, start, types, until } from "./supervisor_rig.ts";

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
  "a supervisor counts the connections that a target refuses, and logs why",
  async () => {
    await using sshd = await startSshd();
    const port = freePort();
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
  "a supervisor binds again when it finds later that another program answers",
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
        forgetful(await connect({ ...loginOptions(sshd), signal })),
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

Deno.test("a supervisor's snapshot has no verdict while nothing is bound", async () => {
  await using server = await startTestServer();
  await using supervisor = supervise({
    connect: loginOptions(server),
    tunnels: [{ bind: { port: 0 }, target: { port: 1 } }],
    connectRetry: retry,
  });
  const verdictIn = async (state: SupervisedTunnelState) => {
    const { tunnels } = await until(
      supervisor,
      ({ tunnels }) => tunnels[0]?.state === state,
    );
    return tunnels[0]?.probe?.verdict;
  };
  assertEquals(await verdictIn("up"), "verified");
  const lost = verdictIn("down");
  await server.disconnectAll();
  assertEquals(await lost, undefined);
  assertEquals(await verdictIn("up"), "verified");
  const paused = verdictIn("paused");
  supervisor.pause(0);
  assertEquals(await paused, undefined);
});
