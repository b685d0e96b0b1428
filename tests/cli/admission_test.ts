/** The command with rules about who may connect, before a real sshd. */
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { ask, startEcho, visit } from "../forward/rig.ts";
import { serverTest } from "../servers/availability.ts";
import { startSshd } from "../servers/openssh.ts";
import { sshArguments } from "../servers/ssh_server.ts";
import { eventually } from "./eventually.ts";
import { assertNoMore, measurable, measureUse } from "./measure_use.ts";
import { RforwardProcess } from "./rforward_process.ts";
import { THOROUGH } from "../thorough.ts";

/** Ten thousand with `RFORWARD_THOROUGH=1`. */
const FLOOD = THOROUGH ? 10_000 : 400;

serverTest(
  "sshd",
  "rforward takes rules for all forwards and for one, counts each refusal, and a flood of them floods neither its events nor its memory",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    const target = `127.0.0.1:${echo.port}`;
    await using rforward = new RforwardProcess({
      deno: measurable,
      args: [
        ...["--allow", "192.0.2.0/24", "-R", `127.0.0.1:0:${target}`],
        ...["-R", `localhost:0:${target}`, "--allow", "127.0.0.0/8"],
        ...sshArguments(sshd),
      ],
    });
    await rforward.up();
    const [first, second] = rforward.all("bound").toSorted((a, b) =>
      a.tunnel - b.tunnel
    ).map(({ bound }) => bound.port!);

    let total = 0;
    const refuse = async (times: number) => {
      total += times;
      for (let i = 0; i < times;) {
        const some = Math.min(20, times - i);
        await Promise.all(Array.from({ length: some }, async () => {
          using conn = await visit(first!);
          await conn.read(new Uint8Array(1)).catch(() => {});
        }));
        i += some;
      }
      return await measureUse(rforward);
    };
    const before = await refuse(FLOOD / 10);
    assertNoMore(before, await refuse(FLOOD), FLOOD / 10);
    assertEquals(await ask(second!, "hi"), "echo: hi");

    await eventually(
      "all refusals reported",
      () => rforward.all("refused").at(-1)?.refused === total,
    );
    const events = rforward.all("refused");
    assertEquals(
      events.map(({ count }) => count).reduce((a, b) => a + b),
      total,
    );
    assertEquals(events[0]!.count, 1);
    for (const { rule, reason, tunnel, originator } of events) {
      assertEquals(
        { rule, reason, tunnel, address: originator.address },
        {
          rule: "allow",
          reason: "administratively-prohibited",
          tunnel: 0,
          address: "127.0.0.1",
        },
      );
    }
    assert(events.length < 100, `${events.length} events`);
    assertEquals((await rforward.some("opened")).length, 1);
  },
);

serverTest(
  "sshd",
  "rforward --check-target says when the target is down and when it answers again",
  async () => {
    await using sshd = await startSshd();
    const echo = startEcho("echo");
    const { port } = echo;
    await using rforward = new RforwardProcess({
      args: [
        ...["--check-target", "0.05", "--release-when-down"],
        ...["-R", `127.0.0.1:0:127.0.0.1:${port}`, ...sshArguments(sshd)],
      ],
    });
    await rforward.up();
    await echo[Symbol.asyncDispose]();
    const down = await rforward.next("target-down");
    assertEquals(
      [down.tunnel, down.target, down.released],
      [0, `127.0.0.1:${port}`, true],
    );
    // A check that the service has not accepted when it stops is reset.
    assertMatch(down.error.code, /^target-(refused|unreachable)$/);
    await rforward.next("state", { fits: (e) => e.state === "degraded" });
    await using again = startEcho(
      "again",
      Deno.listen({ hostname: "127.0.0.1", port }),
    );
    await rforward.next("target-up");
    assertEquals(await ask(await rforward.up(), "hi"), "again: hi");
    assert(again.taken > 0);
  },
);

serverTest(
  "sshd",
  "rforward names --allow and the forward where that is a Unix socket",
  async () => {
    await using sshd = await startSshd();
    await using rforward = new RforwardProcess({
      args: [
        ...["--allow", "10.0.0.0/8", "-R", "/tmp/s:localhost:1"],
        ...sshArguments(sshd),
      ],
    });
    const { code } = await rforward.status;
    assertEquals(code, 2);
    await eventually(
      "the reason",
      () =>
        /--allow: .*Unix socket \(\/tmp\/s:localhost:1\)/.test(rforward.stderr),
    );
  },
);
