/** The command after its connection was lost many times. */
import { assertEquals } from "../assert.ts";
import { ask, startEcho } from "../forward/rig.ts";
import { serverTest } from "../servers/availability.ts";
import { listeningAt } from "../servers/listening.ts";
import { startSshd } from "../servers/openssh.ts";
import { sshArguments } from "../servers/ssh_server.ts";
import { THOROUGH } from "../thorough.ts";
import {
  assertNoMore,
  measurable,
  measureUse,
  type Use,
} from "./measure_use.ts";
import { RforwardProcess } from "./rforward_process.ts";

/** After which loss the use is measured first, and last. */
const [FIRST, LAST] = [4, THOROUGH ? 50 : 14];

/** How much more may be in use after the last reconnect: less than one for each. */
const MORE = 5;

serverTest(
  "sshd",
  "rforward holds no more promises and no more files after many reconnects than after a few",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    await using rforward = new RforwardProcess({
      deno: measurable,
      args: [
        ...["--max-wait", "0.05", "-R", `127.0.0.1:0:127.0.0.1:${echo.port}`],
        ...sshArguments(sshd),
      ],
    });
    const port = await rforward.up();
    let before: Use = {};
    for (let reconnects = 1; reconnects <= LAST; reconnects++) {
      sshd.killSessions("SIGKILL");
      await rforward.next("lost");
      await rforward.up();
      assertEquals(await ask(port, "hi"), "echo: hi");
      assertEquals(listeningAt(port), ["127.0.0.1"]);
      if (reconnects === FIRST) before = await measureUse(rforward);
    }
    assertNoMore(before, await measureUse(rforward), MORE);
    assertEquals(rforward.all("connected").length, LAST + 1);
    assertEquals(
      rforward.all("bound").map(({ bound }) => bound.port),
      Array(LAST + 1).fill(port),
    );
  },
);
