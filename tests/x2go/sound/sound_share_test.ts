/** What a session's programs play is heard here, by its user alone. */
import { X2GoSession } from "../../../src/x2go/session/x2go_session.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { startPulseAudio } from "../../servers/pulseaudio.ts";
import { run } from "../../servers/run.ts";
import { createTemporaryUser } from "../../servers/temporary_user.ts";
import { START_SESSION, startX2GoServer } from "../../servers/x2go.ts";
import { startDisplay } from "../../servers/x2go_display.ts";
import { assertTone } from "../assert_tone.ts";
import { connectTo, exports, ready } from "../client.ts";
import { keepSession } from "../keep_session.ts";
import { startXterm } from "../start_xterm.ts";

serverTest(
  ["x2gostartagent", "pulseaudio", "nxproxy"],
  "session.shareSound() lets the session be heard here",
  async (t) => {
    await using pulse = await startPulseAudio();
    await using display = await startDisplay();
    await using xterm = await startXterm({ isShown: true });
    const { x2go, session } = xterm;
    const { name, soundPort } = ready(session);
    await using shown = display.show(ready(session));
    await x2go.untilState(name, "RUNNING");

    await t.step(
      "by its user alone, whichever way the sound server here trusts us",
      async () => {
        await using stranger = await createTemporaryUser();
        const asStranger = (program: string) =>
          run("setpriv", [
            ...["--reuid", stranger.name, "--regid", stranger.name],
            ...["--clear-groups", "env", "-i", `HOME=${stranger.home}`],
            ...["PATH=/usr/bin:/bin", `PULSE_SERVER=127.0.0.1:${soundPort}`],
            ...["sh", "-c", program],
          ]);
        const targets = [
          { path: pulse.trustingSocket },
          { port: pulse.port },
        ];
        for (const target of targets) {
          await using sound = await session.shareSound({
            target,
            cookieFile: pulse.cookieFile,
          });
          for (
            const program of [
              "timeout 10 pactl info",
              "timeout 10 pactl load-module module-null-sink",
              "timeout 10 parec -d out.monitor",
            ]
          ) {
            const error = await assertRejects(() => asStranger(program), Error);
            assertMatch(error.message, /Access denied/, program);
          }
          assertEquals(sound.problem, undefined);
          // The owner can.
          assertEquals(
            await x2go.run(
              `${
                exports(session)
              } timeout 10 parec -d out.monitor --raw --latency-msec=20 | head -c 50000 | wc -c`,
            ),
            "50000\n",
          );
        }
        await using _sound = await session.shareSound({
          target: { path: pulse.trustingSocket },
        });
        await assertTone(session, x2go, pulse);
        assertMatch(
          await run("env", [
            ...[`PULSE_SERVER=unix:${pulse.trustingSocket}`, "pactl"],
            ...["list", "short", "modules"],
          ]),
          /^(?!.*module-null-sink.*module-null-sink)/s,
        );
      },
    );

    const sound = await session.shareSound({
      target: { path: pulse.socket },
      cookieFile: pulse.cookieFile,
    });

    await t.step("also twelve programs that connect at once", async () => {
      const served = await x2go.run(
        `${
          exports(session)
        } for i in $(seq 12); do timeout 5 pactl info | grep '^Server Name' & done; wait`,
      );

      assertEquals(served.match(/^Server Name: pulseaudio$/mg)?.length, 12);
      await assertTone(session, x2go, pulse);
      assertEquals(sound.problem, undefined);
    });

    await t.step("again after suspend and resume on another port", async () => {
      await session.suspend();
      await shown.status;
      assertEquals(sound.tunnel, undefined);
      // With the port taken, the server has to choose another.
      using _taken = Deno.listen({ hostname: "127.0.0.1", port: soundPort });
      await session.resume();

      assert(ready(session).soundPort !== soundPort, `${soundPort} again`);
      assertEquals(sound.tunnel?.port, ready(session).soundPort);
      await assertTone(session, x2go, pulse);
    });
  },
);

serverTest(
  ["x2gostartagent", "pulseaudio"],
  "sound is heard of a session that another client started, through PulseAudio's TCP port",
  async () => {
    await using x2go = await startX2GoServer();
    await using pulse = await startPulseAudio();
    const started = await x2go.run(
      START_SESSION,
    );
    await using connection = await connectTo(x2go);
    await using session = await X2GoSession.attach(
      connection,
      started.split("\n")[3]!,
    );
    await using _kept = await keepSession(x2go, session);
    await session.shareSound({
      target: { port: pulse.port },
      cookieFile: pulse.cookieFile,
    });

    await assertTone(session, x2go, pulse);
  },
);
