/** How a session ends, and how that is noticed. */
import { X2GoError } from "../../../src/x2go/errors.ts";
import { X2GoSession } from "../../../src/x2go/session/x2go_session.ts";
import { assertEquals, assertMatch, assertRejects } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { startX2GoServer } from "../../servers/x2go.ts";
import { startDisplay } from "../../servers/x2go_display.ts";
import { connectTo, ready } from "../client.ts";
import { startXterm } from "../start_xterm.ts";

serverTest(
  "x2gostartagent",
  "a session without a display",
  async (t) => {
    await using xterm = await startXterm();
    const { x2go, connection, session } = xterm;
    const { name } = session.info;
    const sound = await session.shareSound({ target: { port: 1 } });

    await t.step(
      "is neither suspended nor resumed, which would end it, and the error names the reason",
      async () => {
        const suspended = await assertRejects(
          () => session.suspend(),
          X2GoError,
        );
        assertEquals(suspended.code, "x2go-state");
        // It takes its time: that of a list is half a second, or many on a busy machine.
        let resumed: X2GoError;
        let timeoutMs = 1000;
        do {
          timeoutMs *= 2;
          resumed = await assertRejects(
            () => session.resume({ timeoutMs }),
            X2GoError,
          );
        } while (
          /^x2golistsessions /.test(resumed.message) && timeoutMs < 30_000
        );
        for (const { code, message, session: about } of [suspended, resumed]) {
          assertEquals([code, about], ["x2go-state", name]);
          assertMatch(message, /before a display has connected to it.* 60 s/);
        }

        assertEquals((await session.refresh()).state, "starting");
        assertEquals(sound.tunnel?.state, "listening");
        await x2go.run(`kill -0 ${session.info.agentPid}`);
      },
    );

    await t.step("is known to be finished once it is", async () => {
      await x2go.run(`x2goterminate-session ${name}`);
      assertEquals((await session.refresh()).state, "finished");

      await sound.stopped;
      assertEquals(session.shares.size, 0);
      for (
        const attempt of [
          () => session.suspend(),
          () => session.resume(),
          () => session.run("xterm"),
          () => session.shareSound(),
          () => X2GoSession.attach(connection, name),
        ]
      ) {
        const error = await assertRejects(attempt, X2GoError);
        assertEquals([error.code, error.session], ["x2go-state", name]);
      }
      const unshown = await assertRejects(
        () => session.run("xterm"),
        X2GoError,
      );
      assertMatch(unshown.message, / is finished.* no display .* 60 s/);
      await session.terminate(); // no effect
    });
  },
);

serverTest(
  ["x2gostartagent", "nxproxy"],
  "a session that was killed is known to be finished, though the server does not know",
  async () => {
    await using display = await startDisplay();
    await using xterm = await startXterm({ isShown: true });
    const { x2go, connection, session } = xterm;
    const { name, agentPid } = session.info;
    await using shown = display.show(ready(session));
    await x2go.untilState(name, "RUNNING");

    await x2go.run(`kill -KILL ${agentPid}`);
    await shown.status;

    const error = await assertRejects(() => session.suspend(), X2GoError);
    assertEquals([error.code, error.session], ["x2go-state", name]);
    const [listed] = await X2GoSession.list(connection);
    assertEquals([listed?.name, listed?.state], [name, "finished"]);
  },
);

serverTest(
  "x2gostartagent",
  "session.run() runs the session's program, and the session ends with it",
  async () => {
    await using x2go = await startX2GoServer();
    await using connection = await connectTo(x2go);
    await using session = await X2GoSession.start(connection, {
      command: "sh",
    });
    const { name, display } = session.info;
    await Deno.writeTextFile(
      `${x2go.home}/program`,
      '#!/bin/sh\necho "$DISPLAY $X2GO_SESSION" "$@" > written\n',
      { mode: 0o755 },
    );

    await session.run(`${x2go.home}/program one two`);
    while ((await session.refresh()).state !== "finished");

    assertEquals(
      await Deno.readTextFile(`${x2go.home}/written`),
      `:${display} ${name} one two\n`,
    );
  },
);
