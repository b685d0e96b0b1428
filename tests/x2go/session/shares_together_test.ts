import { join } from "node:path";
import { X2GoSession } from "../../../src/x2go/session/x2go_session.ts";
import { assert, assertEquals } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { startPulseAudio } from "../../servers/pulseaudio.ts";
import { run } from "../../servers/run.ts";
import { startX2GoServer } from "../../servers/x2go.ts";
import { startDisplay } from "../../servers/x2go_display.ts";
import { startPrinter } from "../../servers/x2go_printing.ts";
import { THOROUGH } from "../../thorough.ts";
import { within } from "../../within.ts";
import { assertTone } from "../assert_tone.ts";
import { connectTo, ready } from "../client.ts";
import { Desk } from "../desk.ts";

serverTest(
  ["x2goprint", "pulseaudio", "nxproxy"],
  "sound, folders and printing work at once, and again after suspend and resume on other ports",
  async () => {
    await using x2go = await startX2GoServer();
    await using pulse = await startPulseAudio();
    await using printer = await startPrinter(x2go);
    await using display = await startDisplay();
    await using connection = await connectTo(x2go);
    await using session = await X2GoSession.start(connection, {
      command: "xterm",
    });
    await using desk = await Desk.create();
    await using shown = display.show(ready(session));
    await x2go.untilState(session.info.name, "RUNNING");

    const sound = await session.shareSound({
      target: { path: pulse.socket },
      cookieFile: pulse.cookieFile,
    });
    const music = await session.shareFolder(await desk.mkdir("music"), {
      readOnly: true,
    });
    const notes = await session.shareFolder(await desk.mkdir("notes"));
    let printed = Promise.withResolvers<string>();
    const paper = await session.sharePrinter(({ title }) =>
      printed.resolve(title)
    );
    const shares = [sound, music, notes, paper];
    assertEquals([...session.shares], shares);

    const allWork = async (round: string) => {
      printed = Promise.withResolvers();
      await run("dd", [
        ...["if=/dev/urandom", `of=${join(music.path, "song")}`],
        ...["bs=1M", `count=${THOROUGH ? 64 : 8}`],
      ]);
      const [, title] = await Promise.all([
        assertTone(session, x2go, pulse),
        within(60_000, "a page", printed.promise),
        printer.print(`page ${round}`),
        x2go.run(`cp '${music.mountPoint}/song' '${notes.mountPoint}/copy'`),
      ]);
      assertEquals(title, `page ${round}`);
      await run("cmp", [join(music.path, "song"), join(notes.path, "copy")]);
    };
    await allWork("one");

    const before = ready(session);
    await session.suspend();
    await shown.status;
    assertEquals(await session.listMounts(), []);
    assertEquals(
      [sound.tunnel, music.mountPoint, notes.mountPoint, paper.mountPoint],
      [undefined, undefined, undefined, undefined],
    );
    {
      // With the ports taken, the server has to choose others.
      using _sound = Deno.listen({
        hostname: "127.0.0.1",
        port: before.soundPort,
      });
      using _folders = Deno.listen({
        hostname: "127.0.0.1",
        port: before.foldersPort,
      });
      await session.resume();
    }

    assert(ready(session).foldersPort !== before.foldersPort);
    assertEquals((await session.listMounts()).length, 3);
    assertEquals([...session.shares], shares);
    await allWork("two");

    await session.terminate();
    assertEquals(session.shares.size, 0);
    const mounts = await x2go.run("cat /proc/self/mounts");
    assert(!mounts.includes(`/.x2go-${x2go.user}/`), mounts);
  },
);
