import { ArgumentError, supervise } from "../../../../mod.ts";
import { assert, assertEquals, assertThrows } from "../../../assert.ts";
import { serverTest } from "../../../servers/availability.ts";
import { loginOptions } from "../../../servers/login_options.ts";
import { startSshd } from "../../../servers/openssh.ts";
import { within } from "../../../within.ts";
import { ask, isRefused, startEcho, visit } from "../../rig.ts";

serverTest(
  "sshd",
  "supervisor.pause() releases one port and closes its connections, over reconnects, until resume()",
  async () => {
    await using echo = startEcho("echo");
    await using sshd = await startSshd();
    const events: string[] = [];
    const target = { port: echo.port };
    await using supervisor = supervise({
      connect: loginOptions(sshd),
      connectRetry: { firstMs: 10, maxMs: 20 },
      tunnels: [{ bind: { port: 0 }, target }, { bind: { port: 0 }, target }],
      onEvent: (event) => events.push(event.type),
    });
    const until = (states: string) =>
      within(
        10_000,
        states,
        (async () => {
          for await (const { state, tunnels } of supervisor) {
            const all = [state, ...tunnels.map((tunnel) => tunnel.state)];
            if (all.join(" ") === states) return;
          }
        })(),
      );
    const portOf = (i: number) => {
      const { bound } = supervisor.snapshot.tunnels[i]!;
      return "port" in bound ? bound.port : 0;
    };
    await until("up up up");
    using idle = await visit(portOf(0));
    supervisor.pause(0);
    supervisor.pause(0); // has no effect
    await until("up paused up");
    assertEquals(await idle.read(new Uint8Array(1)).catch(() => null), null);
    assert(await isRefused(portOf(0)));
    assertEquals(await ask(portOf(1), "b"), "echo: b");

    sshd.killSessions("SIGKILL");
    for await (const { reconnects } of supervisor) if (reconnects > 0) break;
    await until("up paused up");
    assert(await isRefused(portOf(0)));
    supervisor.resume(0);
    supervisor.resume(0);
    await until("up up up");
    assertEquals(await ask(portOf(0), "a"), "echo: a");
    assertEquals(
      events.filter((type) => /paused|resumed/.test(type)),
      ["paused", "resumed"],
    );
    assertThrows(() => supervisor.pause(2), ArgumentError);
    supervisor.pause(1);
    await supervisor.stop();
  },
);
