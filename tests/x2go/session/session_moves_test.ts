/** Sessions that move to another client, or another connection. */
import { ForwardDeniedError } from "../../../src/errors.ts";
import { X2GoError } from "../../../src/x2go/errors.ts";
import { X2GoSession } from "../../../src/x2go/session/x2go_session.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { startDisplay } from "../../servers/x2go_display.ts";
import { connectTo, ready } from "../client.ts";
import { Desk } from "../desk.ts";
import { soundConfig } from "../sound/sound_config.ts";
import { startXterm } from "../start_xterm.ts";

serverTest(
  ["x2gostartagent", "nxproxy"],
  "session.resume() takes a session over from another client",
  async () => {
    await using display = await startDisplay();
    await using xterm = await startXterm({ isShown: true });
    const { x2go, session } = xterm;
    const { name } = session.info;
    const sound = await session.shareSound({ target: { port: 1 } });
    const { soundPort } = ready(session);
    const before = await soundConfig(session);
    await using shown = display.show(ready(session));
    await x2go.untilState(name, "RUNNING");

    await using otherConnection = await connectTo(x2go);
    await using other = await X2GoSession.attach(otherConnection, name);
    assertEquals(other.info.state, "running");
    // Before that, it is denied the port, and the first keeps it.
    const denied = await assertRejects(
      () => other.shareSound({ target: { port: 1 } }),
      ForwardDeniedError,
    );
    assertMatch(denied.message, /another client .* session\.resume\(\)/);
    assertEquals(await soundConfig(session), before);
    await other.resume();

    await shown.status; // the display was sent away
    assert(ready(other).soundPort !== soundPort, "the port was not free");
    const taken = await other.shareSound({ target: { port: 1 } });
    assertEquals(taken.tunnel?.port, ready(other).soundPort);

    assertEquals(sound.tunnel?.port, soundPort);
    await session.refresh();
    assertEquals(sound.tunnel, undefined);
    assertEquals(ready(session).soundPort, ready(other).soundPort);
    // Its end takes nothing away from the other.
    assertMatch((await soundConfig(other)).text, /^default-server=127/);
  },
);

serverTest(
  "x2gostartagent",
  "session.moveTo() continues over another connection after a loss",
  async () => {
    await using xterm = await startXterm();
    const { x2go, connection, session } = xterm;
    await using desk = await Desk.create();
    const sound = await session.shareSound({ target: { port: 1 } });
    const folder = await session.shareFolder(desk.path);

    assert(x2go.killSessions("SIGKILL") > 0);
    assertEquals((await connection.closed).reason, "lost");
    await assertRejects(() => session.refresh(), Error);
    await using another = await connectTo(x2go);
    const { soundPort } = ready(session);
    const config = session.environment["PULSE_CLIENTCONFIG"]!;
    const { text: ours, cookie } = await soundConfig(session);
    {
      // Another client has shared its sound since.
      using _held = Deno.listen({ hostname: "127.0.0.1", port: soundPort });
      const theirs = ours.replace(/(?<=cookie-file=).*/, "/home/other/cookie");
      await Deno.writeTextFile(config, theirs);
      const error = await assertRejects(
        () => session.moveTo(another),
        X2GoError,
      );
      assertEquals(error.code, "x2go-share");
      assert(error.cause instanceof ForwardDeniedError);
      assertMatch(error.message, /another client .* session\.resume\(\)/);
      assertEquals(sound.tunnel, undefined);
      assertEquals(await Deno.readTextFile(config), theirs);
      await Deno.writeTextFile(config, ours);
    }
    const { tunnel } = folder;
    assertEquals(tunnel?.state, "listening");
    assertEquals((await session.moveTo(another)).state, "starting");

    // Existing shares were not affected by failed ones.
    assertEquals(folder.tunnel, tunnel);
    assertEquals(tunnel?.state, "listening");
    assertEquals(sound.tunnel?.state, "listening");
    assertEquals(sound.tunnel?.port, soundPort);
    assertEquals(session.connection, another);

    // As long as the server has not noticed the loss, it holds the port.
    assert(x2go.killSessions("SIGKILL") > 0);
    await another.closed;
    await using third = await connectTo(x2go);
    using _held = Deno.listen({ hostname: "127.0.0.1", port: soundPort });
    await session.moveTo(third);

    assertEquals(sound.tunnel?.state, "listening");
    const { port } = sound.tunnel!;
    assert(port !== soundPort);
    const told = await soundConfig(session);
    assertMatch(
      told.text,
      new RegExp(`^default-server=127.0.0.1:${port}$`, "m"),
    );
    // Whoever had the port meanwhile may have received the old one.
    assert(`${told.cookie}` !== `${cookie}`);
  },
);
