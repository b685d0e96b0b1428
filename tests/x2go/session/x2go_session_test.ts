/** Sessions that are started, suspended and resumed. */
import { X2GoSession } from "../../../src/x2go/session/x2go_session.ts";
import { assertEquals, assertMatch } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { startX2GoServer } from "../../servers/x2go.ts";
import { startDisplay } from "../../servers/x2go_display.ts";
import { connectTo, ready } from "../client.ts";
import { startXterm } from "../start_xterm.ts";

serverTest(
  "x2gostartagent",
  "X2GoSession starts, lists and ends several sessions over one connection",
  async () => {
    await using x2go = await startX2GoServer();
    await using connection = await connectTo(x2go);
    assertEquals(await X2GoSession.list(connection), []);

    const [one, two] = await Promise.all([
      X2GoSession.start(connection, { command: "xterm" }),
      X2GoSession.start(connection, { command: "MATE", kind: "desktop" }),
    ]);

    assertMatch(one.info.name, /_stRxterm_dp24$/);
    assertMatch(two.info.name, /_stDMATE_dp24$/);
    for (const session of [one, two]) {
      const { state, user, clientAddress, cookie, created } = ready(session);
      assertEquals([state, user], ["starting", x2go.user]);
      assertEquals(clientAddress, "127.0.0.1");
      assertMatch(cookie, /^[0-9a-f]{32}$/);
      assertMatch(created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
    }
    const ports = [one, two].map(ready).flatMap(
      ({ graphicsPort, soundPort, foldersPort }) => [
        graphicsPort,
        soundPort,
        foldersPort,
      ],
    );
    assertEquals(new Set(ports).size, 6);

    await one.terminate();
    const left = await X2GoSession.list(connection);
    assertEquals(one.info.state, "finished");
    assertEquals(left.map(({ name }) => name), [two.info.name]);

    await two.terminate();
    assertEquals(await X2GoSession.list(connection), []);
  },
);

serverTest(
  ["x2gostartagent", "nxproxy"],
  "session.suspend() and session.resume() do so, and are idempotent",
  async () => {
    await using display = await startDisplay();
    await using xterm = await startXterm({ isShown: true });
    const { x2go, session } = xterm;
    const { name } = session.info;

    {
      await using _shown = display.show(ready(session));
      await x2go.untilState(name, "RUNNING");
      assertEquals((await session.refresh()).state, "running");

      await session.suspend();
      assertEquals(session.info.state, "suspended");
      await session.suspend(); // no effect

      assertEquals((await session.resume()).state, "resuming");
    }

    // No display has connected since: it is suspended and resumed all the same.
    await session.resume();
    assertEquals(session.info.state, "resuming");
  },
);
