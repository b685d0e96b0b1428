import { setTimeout as delay } from "node:timers/promises";
import { supervise } from "../../../mod.ts";
import { orAborted } from "../../../src/abort.ts";
import { superviseSession, X2GoSession } from "../../../src/x2go/mod.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { startPulseAudio } from "../../servers/pulseaudio.ts";
import { startX2GoServer } from "../../servers/x2go.ts";
import { loginOptions } from "../../servers/login_options.ts";
import { within } from "../../within.ts";
import { assertTone } from "../assert_tone.ts";
import { Desk } from "../desk.ts";
import { keepSession } from "../keep_session.ts";

serverTest(
  ["x2gostartagent", "pulseaudio"],
  "superviseSession() brings sound and folders back after each loss, until the session has finished",
  async () => {
    await using x2go = await startX2GoServer();
    await using pulse = await startPulseAudio();
    await using desk = await Desk.create();
    await using supervisor = supervise({
      connect: loginOptions(x2go),
      tunnels: [],
      connectRetry: { firstMs: 20, maxMs: 100 },
    });
    await supervisor.ready;
    await using session = await X2GoSession.start(supervisor.connection!, {
      command: "xterm",
    });
    await using kept = await keepSession(x2go, session);
    const sound = await session.shareSound({
      target: { path: pulse.socket },
      cookieFile: pulse.cookieFile,
    });
    const folder = await session.shareFolder(await desk.mkdir("folder"));
    const supervised = superviseSession(session, supervisor);

    for (let losses = 1; losses <= 2; losses++) {
      const before = sound.tunnel;
      assert(x2go.killSessions("SIGKILL") > 0);
      await within(
        60_000,
        "what is shared",
        (async () => {
          while (
            sound.tunnel === before || sound.tunnel?.state !== "listening" ||
            !folder.mountPoint
          ) await delay(20);
        })(),
      );
      await assertTone(session, x2go, pulse);
      await x2go.run(`echo ${losses} > '${folder.mountPoint}/loss'`);
      assertEquals(
        await Deno.readTextFile(`${folder.path}/loss`),
        `${losses}\n`,
      );
    }

    await kept[Symbol.asyncDispose]();
    await session.terminate();
    x2go.killSessions("SIGKILL");
    await within(60_000, "superviseSession()", supervised);
  },
);

Deno.test("superviseSession() ends with the reason of its signal", async () => {
  await using supervisor = supervise({
    connect: (signal) => orAborted(new Promise<never>(() => {}), signal),
    tunnels: [],
  });
  const stop = new AbortController();
  const kept = assertRejects(
    () =>
      superviseSession({} as X2GoSession, supervisor, { signal: stop.signal }),
    Error,
  );
  stop.abort(new Error("enough"));
  assertEquals(await within(10_000, "its end", kept), stop.signal.reason);
});
