/** The command while a stale session still holds its port. */
import { setTimeout as delay } from "node:timers/promises";
import { assertEquals, assertMatch } from "../assert.ts";
import { ask, startEcho } from "../forward/rig.ts";
import { serverTest } from "../servers/availability.ts";
import { listeningAt } from "../servers/listening.ts";
import { type Sshd, startSshd } from "../servers/openssh.ts";
import { sshArguments } from "../servers/ssh_server.ts";
import { startStaleSession } from "../servers/stale_session.ts";
import { within } from "../within.ts";
import { RforwardProcess } from "./rforward_process.ts";

/** The server misses a client after 3 s; 9.2 takes twice as long. */
const missing = ["ClientAliveInterval 1", "ClientAliveCountMax 2"];

/**
 * How long it may take to get the port of a client that was just stopped, in
 * milliseconds: until the server misses it, at most as long again until it is
 * asked for the port, since the waits double, and the machine may be busy.
 */
const TAKEN_OVER_MS = 2 * 6000 + 10_000;

function forward(sshd: Sshd, bind: string, target: number): RforwardProcess {
  return new RforwardProcess({
    args: [
      ...["--max-wait", "0.2", "-R", `${bind}:127.0.0.1:${target}`],
      ...sshArguments(sshd),
    ],
  });
}

function statesOf(rforward: RforwardProcess): string[] {
  return rforward.all("state").map(({ state }) => state);
}

serverTest(
  "sshd",
  "rforward takes a port when the stale session that held it is gone, and is not up before",
  async () => {
    await using sshd = await startSshd({ config: missing });
    await using stale = startEcho("stale");
    await using fresh = startEcho("fresh");
    await using first = forward(sshd, "127.0.0.1:0", stale.port);
    const port = await first.up();
    await using second = forward(sshd, `127.0.0.1:${port}`, fresh.port);
    const { reason, ms } = await second.next("denied");
    assertEquals(reason, "in-use");
    assertEquals(typeof ms, "number");
    // Not before: on a busy machine sshd's time limit may pass before a process has started.
    first.signal("SIGSTOP");

    await second.up({ withinMs: TAKEN_OVER_MS });
    assertMatch(await sshd.log(), /Timeout, client not responding/);
    assertEquals(await ask(port, "hi"), "fresh: hi");
    assertEquals(listeningAt(port), ["127.0.0.1"]);
    assertEquals(statesOf(second), ["degraded", "up"]);
    assertEquals(second.all("bound").length, 1);

    // Now it is the other one's turn to wait.
    first.signal("SIGCONT");
    assertEquals((await first.next("denied")).reason, "in-use");
    assertEquals(await ask(port, "hi"), "fresh: hi");
    second.signal("SIGTERM");
    await first.up({ withinMs: TAKEN_OVER_MS });
    assertEquals(await ask(port, "hi"), "stale: hi");
    assertEquals(listeningAt(port), ["127.0.0.1"]);
    assertEquals(statesOf(first).slice(-2), ["degraded", "up"]);
  },
);

serverTest(
  ["sshd", "ssh"],
  "rforward does not settle for ::1 where a stale session holds 127.0.0.1",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    await using stale = await startStaleSession(sshd);
    const { port } = stale;
    await using rforward = forward(sshd, `localhost:${port}`, echo.port);
    // sshd says yes, because of ::1 alone.
    assertEquals((await rforward.next("verified")).verdict, "half-bound");
    assertEquals((await rforward.next("denied")).reason, "in-use");
    const released = async () => {
      while (listeningAt(port).includes("::1")) await delay(5);
    };
    await within(10_000, "the release of ::1", released());

    stale.kill();
    await rforward.up({ withinMs: TAKEN_OVER_MS });
    assertEquals(listeningAt(port), ["127.0.0.1", "::1"]);
    assertEquals(await ask(port, "hi"), "echo: hi");
    assertEquals(statesOf(rforward), ["degraded", "up"]);
    const { verdict, addresses } = rforward.all("verified").at(-1)!;
    assertEquals(verdict, "verified");
    assertEquals(addresses.map(({ answer }) => answer), ["ours", "ours"]);
  },
);
