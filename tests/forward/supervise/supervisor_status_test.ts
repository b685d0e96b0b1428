/** What a supervisor says about itself and its tunnels at one moment, on a real sshd. */
import type { SupervisorSnapshot } from "../../../mod.ts";
import { assert, assertEquals } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { freePort } from "../../servers/free_port.ts";
import { startSshd } from "../../servers/openssh.ts";
import { startEcho } from "../rig.ts";
import { start, statesOf, until } from "./supervisor_rig.ts";

/** Why a snapshot cannot be true. */
function contradiction(
  { state, tunnels, server }: SupervisorSnapshot,
): string | undefined {
  const states = tunnels.map((tunnel) => tunnel.state);
  const have = (...some: string[]) => states.some((it) => some.includes(it));
  const shown = `${state}: ${states}`;
  if (state === "up" && have("target-down", "waiting", "denied")) return shown;
  if (state === "degraded" && states.every((it) => it === "up")) return shown;
  const isOffline = state === "waiting" || state === "connecting" && !server;
  if (isOffline && states.some((it) => it !== "down")) return shown;
  return undefined;
}

serverTest(
  "sshd",
  "a supervisor's state, its tunnels' states and the state events never contradict each other",
  async () => {
    await using sshd = await startSshd();
    await using steady = startEcho("steady");
    const contradictions = new Set<string>();
    let reported = "connecting";
    let connected = 0;
    const look = (when: string) => {
      const { snapshot } = supervisor;
      const problem = contradiction(snapshot);
      if (problem) contradictions.add(`${when}: ${problem}`);
      if (snapshot.state !== reported) {
        contradictions.add(`${when}: ${snapshot.state}, event ${reported}`);
      }
    };
    const port = freePort();
    const first = { bind: { port: 0 }, target: { port: steady.port } };
    const checked = [false, true].map((releaseWhenDown) => ({
      bind: { port: 0 },
      target: { port },
      checkTarget: { everyMs: 5, releaseWhenDown },
    }));
    const { supervisor } = start(sshd, {
      tunnels: [...checked, first],
      verify: { everyMs: 20 },
      onEvent(event) {
        if (event.type === "state") reported = event.state;
        if (event.type === "connected") connected++;
        look(event.type);
      },
    });
    await using _ = supervisor;
    let goesOn = true;
    const polling = (async () => {
      while (goesOn) {
        await new Promise((resolve) => setTimeout(resolve));
        look("any time");
      }
    })();
    const reach = (state: string) =>
      until(supervisor, (it) => it.state === state);
    const settled = () =>
      until(
        supervisor,
        ({ tunnels, state }) =>
          ["up", "degraded"].includes(state) &&
          tunnels.every((it) => ["up", "target-down"].includes(it.state)),
      );

    /** Until the connection that follows has its tunnels. */
    const renewed = async (leave: () => unknown) => {
      const before = connected;
      await leave();
      await until(supervisor, () => connected > before);
      await settled();
    };

    await reach("degraded");
    for (const overlap of [true, false]) {
      {
        await using _echo = startEcho(
          "echo",
          Deno.listen({ hostname: "127.0.0.1", port }),
        );
        await reach("up");
        await renewed(() => supervisor.reconnect({ overlap }));
        await reach("up");
      }
      await reach("degraded");
      await renewed(() => supervisor.reconnect({ overlap }));
      await renewed(() => sshd.killSessions("SIGKILL"));
      supervisor.pause(0);
      await until(supervisor, ({ tunnels }) => tunnels[0]!.state === "paused");
      supervisor.resume(0);
      await supervisor.setTunnels([...checked, first, { ...first }]);
      await settled();
      await supervisor.setTunnels([...checked, first]);
    }
    await supervisor.stop();
    look("the end");
    goesOn = false;
    await polling;
    assertEquals([...contradictions], []);
  },
);

serverTest(
  "sshd",
  "a supervised tunnel is up only once its target was checked",
  async () => {
    await using sshd = await startSshd();
    const port = freePort();
    const { supervisor, events } = start(sshd, {
      tunnels: [{
        bind: { port: 0 },
        target: { port },
        checkTarget: { everyMs: 60_000 },
      }],
      verify: false,
    });
    await using _ = supervisor;
    const { tunnels } = await until(
      supervisor,
      ({ state }) => state === "degraded",
    );
    assertEquals(tunnels[0]!.state, "target-down");
    assert(tunnels[0]!.error);
    assertEquals(statesOf(events), ["degraded"]);
  },
);
