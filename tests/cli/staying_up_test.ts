/** The command on a real sshd that loses its sessions, goes away, or does not come at first. */
import { setTimeout as delay } from "node:timers/promises";
import type { ErrorCode } from "../../mod.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { ask, startEcho } from "../forward/rig.ts";
import { serverTest } from "../servers/availability.ts";
import { listeningAt } from "../servers/listening.ts";
import { type Sshd, startSshd } from "../servers/openssh.ts";
import { hostBlock, sshArguments } from "../servers/ssh_server.ts";
import { startFullPort } from "../servers/tcp_server.ts";
import { RforwardProcess } from "./rforward_process.ts";

/**
 * How long it may take until it is up again, in milliseconds: the wait before
 * an attempt, which `--max-wait` limits, and 10 s for login and proof on a
 * machine that has much else to do.
 */
const BACK_MS = 200 + 10_000;

/** The command with short waits, for a forward to `target` on a port of 127.0.0.1. */
function forward(
  sshd: Sshd,
  { port = 0, target, options = [] }: {
    port?: number;
    target: number;
    options?: string[];
  },
): RforwardProcess {
  const spec = `127.0.0.1:${port}:127.0.0.1:${target}`;
  return new RforwardProcess({
    args: ["--max-wait", "0.2", ...options, "-R", spec, ...sshArguments(sshd)],
  });
}

/** Asserts that the port is served once, and was bound again after each loss. */
async function assertBack(
  rforward: RforwardProcess,
  port: number,
  reconnects: number,
): Promise<void> {
  assertEquals(await ask(port, "hi"), "echo: hi");
  assertEquals(listeningAt(port), ["127.0.0.1"]);
  assertEquals(rforward.all("connected").length, 1 + reconnects);
  assertEquals(rforward.all("lost").length, reconnects);
  assertEquals(
    rforward.all("bound").map(({ bound }) => bound.port),
    Array(1 + reconnects).fill(port),
  );
}

serverTest(
  "sshd",
  "rforward has its port again, also one that the server chose, after its session was killed",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    await using rforward = forward(sshd, { target: echo.port });
    const port = await rforward.up();
    for (let reconnects = 1; reconnects <= 3; reconnects++) {
      sshd.killSessions("SIGKILL");
      await rforward.next("lost");
      await rforward.up({ withinMs: BACK_MS });
      await assertBack(rforward, port, reconnects);
    }
    rforward.signal("SIGTERM");
    assertEquals((await rforward.status).code, 0);
    assertEquals(listeningAt(port), []);
  },
);

serverTest(
  "sshd",
  "rforward is back when sshd is, after that was killed with all its sessions",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    await using rforward = forward(sshd, { target: echo.port });
    const port = await rforward.up();
    await sshd.stop();
    await rforward.next("lost");
    await isRetried(rforward, "connect-failed");
    await sshd.start();
    await rforward.up({ withinMs: BACK_MS });
    await assertBack(rforward, port, 1);
  },
);

serverTest("sshd", "rforward is up once there is an sshd", async () => {
  await using sshd = await startSshd();
  await sshd.stop();
  await using echo = startEcho("echo");
  await using rforward = forward(sshd, { target: echo.port });
  await isRetried(rforward, "connect-failed");
  await sshd.start();
  await assertBack(rforward, await rforward.up({ withinMs: BACK_MS }), 0);
});

serverTest(
  "sshd",
  "rforward tries again after ConnectTimeout if there is no answer",
  async () => {
    await using sshd = await startSshd();
    await using full = await startFullPort(); // TCP is not answered
    await using silent = startEcho("silent"); // SSH is not
    for (const { port } of [full, silent]) {
      await using rforward = forward(sshd, {
        target: 1,
        options: ["-p", `${port}`, "-o", "ConnectTimeout=1"],
      });
      await isRetried(rforward, "connect-timeout");
      const times = rforward.events.filter(({ type }) =>
        type === "connecting" || type === "waiting"
      ).map(({ time }) => Date.parse(time));
      const ms = times[1]! - times[0]!;
      assert(ms > 900 && ms < 5000, `${ms}`);
    }
  },
);

serverTest(
  "sshd",
  "rforward is back after it was stopped, whether sshd has waited for it or not",
  async () => {
    await using patient = await startSshd();
    await using impatient = await startSshd({
      config: ["ClientAliveInterval 1", "ClientAliveCountMax 1"],
    });
    await using echo = startEcho("echo");
    await using kept = forward(patient, { target: echo.port });
    await using dropped = forward(impatient, { target: echo.port });
    const ports = [await kept.up(), await dropped.up()];
    for (const rforward of [kept, dropped]) rforward.signal("SIGSTOP");
    // What is shorter might as well be a busy machine.
    await delay(6500);
    for (const rforward of [kept, dropped]) rforward.signal("SIGCONT");

    const { ms } = await kept.next("slept");
    assert(ms > 5000 && ms < 20_000, `${ms}`);
    await assertBack(kept, ports[0]!, 0);
    await dropped.up({ withinMs: BACK_MS });
    await assertBack(dropped, ports[1]!, 1);
    assertEquals(dropped.all("slept").length, 1);
  },
);

serverTest(
  "sshd",
  "rforward is back after its session on a jump host was killed",
  async () => {
    await using jump = await startSshd();
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    const config = `${sshd.dir}/ssh_config`;
    await Deno.writeTextFile(
      config,
      hostBlock("jump", jump) + hostBlock("inner", sshd) +
        "  ProxyJump jump\nHost *\n  IdentitiesOnly yes\n",
    );
    await using rforward = new RforwardProcess({
      args: [
        ...["-F", config, "--max-wait", "0.2"],
        ...["-R", `127.0.0.1:0:127.0.0.1:${echo.port}`, "inner"],
      ],
    });
    const port = await rforward.up();
    for (let reconnects = 1; reconnects <= 2; reconnects++) {
      jump.killSessions("SIGKILL");
      const { error } = await rforward.next("lost");
      assertMatch(error.message, /hop 1 .* was lost/);
      await rforward.up({ withinMs: BACK_MS });
      await assertBack(rforward, port, reconnects);
    }
  },
);

/** Waits until connecting has failed twice, with the same error. */
async function isRetried(
  rforward: RforwardProcess,
  code: ErrorCode,
): Promise<void> {
  for (let attempt = 1; attempt <= 2; attempt++) {
    await rforward.next("connecting", { fits: (e) => e.attempt === attempt });
    const { error } = await rforward.next("waiting");
    assertEquals(error.code, code);
  }
}
