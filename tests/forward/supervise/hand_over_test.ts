/** A new connection before the old one is left, on real servers. */
import {
  ChannelError,
  ForwardDeniedError,
  RForwardError,
  supervise,
} from "../../../mod.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { startAsyncsshServer } from "../../servers/asyncssh_server.ts";
import { serverTest } from "../../servers/availability.ts";
import { startDropbear } from "../../servers/dropbear.ts";
import { freePort } from "../../servers/free_port.ts";
import { startSshd } from "../../servers/openssh.ts";
import { within } from "../../within.ts";
import { FakeConnection } from "../fake_connection.ts";
import { ask, isRefused, receiveText, send } from "../rig.ts";
import { connectOnceThere, hold, startSite } from "./hand_over_site.ts";

serverTest(
  "sshd",
  "supervisor.reconnect({ overlap: true }) lets live connections finish on the old connection, which is closed then; a port with a number is interrupted",
  async () => {
    const port = freePort();
    await using site = await startSite(await startSshd(), { port });
    const { supervisor, echo, events } = site;
    const old = supervisor.connection!;
    using live = await hold(port, echo);
    assertEquals(await supervisor.reconnect({ overlap: true }), {
      overlapped: [],
      interrupted: [0],
    });
    await site.upWithout(old);
    assertEquals(await ask(port, "b"), "echo: b");
    assertEquals(old.signal.aborted, false);
    assert(supervisor.snapshot.tunnels[0]!.live > 0);
    await send(live, "c");
    await live.closeWrite();
    assertEquals(await receiveText(live), "echo: ac");
    assertEquals(
      (await within(10_000, "the old connection's end", old.closed)).reason,
      "closed",
    );
    assertEquals(await ask(port, "d"), "echo: d");
    assertEquals(supervisor.snapshot.reconnects, 0);
    assertEquals(
      events.filter(({ type }) =>
        ["connected", "handing-over", "lost", "denied", "state"].includes(type)
      ).map((event) => event.type === "state" ? event.state : event.type),
      ["connected", "up", "handing-over", "connected"],
    );
  },
);

serverTest(
  "sshd",
  "supervisor.reconnect({ overlap: true }) overlaps on port 0, with another port",
  async () => {
    await using site = await startSite(await startSshd(), { port: 0 });
    const { supervisor, port: before } = site;
    const old = supervisor.connection!;
    using live = await hold(before, site.echo);
    assertEquals(await supervisor.reconnect({ overlap: true }), {
      overlapped: [0],
      interrupted: [],
    });
    await site.upWithout(old);
    assert(site.port !== before);
    assertEquals(await ask(site.port, "b"), "echo: b");
    assertEquals(await isRefused(before), true);
    // Stopping ends what is left of the old connection, too.
    const stopping = supervisor.stop({ drainMs: 60_000 });
    await live.closeWrite();
    assertEquals(await receiveText(live), "echo: a");
    const { finished, cut } = await stopping;
    assertEquals(cut, 0);
    // The end of the one that asked "b" may have been noticed after stop(), too.
    assert(finished === 1 || finished === 2, `${finished} finished`);
    assertEquals(old.signal.aborted, true);
    assertEquals(site.connections.length, 2);
  },
);

serverTest(
  "sshd",
  "supervisor.reconnect({ overlap: true }) that is called several times takes turns, and returns when it has taken over",
  async () => {
    await using site = await startSite(await startSshd(), { port: 0 });
    const { supervisor, connections } = site;
    const left = async () => {
      const result = await supervisor.reconnect({ overlap: true });
      return [result.overlapped, connections.indexOf(supervisor.connection!)];
    };
    assertEquals(await Promise.all([left(), left(), left()]), [
      [[0], 1],
      [[0], 2],
      [[0], 3],
    ]);
    assertEquals(connections.length, 4);
    await site.upWithout(connections[2]!);
    assertEquals(await ask(site.port, "b"), "echo: b");
  },
);

serverTest(
  "sshd",
  "supervisor.reconnect({ overlap: true }) loses no connection to a Unix socket where sshd unlinks",
  async () => {
    const dir = await Deno.makeTempDir();
    try {
      const path = `${dir}/s`;
      await using site = await startSite(
        await startSshd({ config: ["StreamLocalBindUnlink yes"] }),
        { path },
      );
      const { supervisor } = site;
      const old = supervisor.connection!;
      let goesOn = true;
      let asked = 0;
      const asking = async () => {
        for (; goesOn || asked < 4; asked++) {
          using conn = await connectOnceThere(path);
          await send(conn, "x");
          await conn.closeWrite();
          assertEquals(await receiveText(conn), "echo: x");
        }
      };
      const work = asking();
      work.catch(() => {}); // awaited below
      for (let i = 0; i < 3; i++) {
        const { overlapped } = await supervisor.reconnect({ overlap: true });
        assertEquals(overlapped, [0]);
        await site.upWithout(site.connections[i]!);
      }
      goesOn = false;
      await work;
      await within(10_000, "the old connection's end", old.closed);
      assertEquals(site.connections.length, 4);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
);

serverTest(
  "sshd",
  "supervisor.reconnect({ overlap: true }) leaves a connection whose server does not answer any longer",
  async () => {
    const sshd = await startSshd();
    await using site = await startSite(sshd, { port: 0 });
    const old = site.supervisor.connection!;
    sshd.killSessions("SIGSTOP");
    try {
      await site.supervisor.reconnect({ overlap: true });
      await site.upWithout(old, 6000); // a request to it may take 10 s
      assertEquals(await ask(site.port, "b"), "echo: b");
      await within(10_000, "the old connection's end", old.closed);
    } finally {
      sshd.killSessions("SIGCONT");
    }
  },
);

serverTest(
  "dropbear",
  "supervisor.reconnect({ overlap: true }) ends the old connection where the server cannot release a port",
  async () => {
    const port = freePort();
    await using site = await startSite(await startDropbear(), { port });
    const { supervisor } = site;
    const old = supervisor.connection!;
    const { interrupted } = await supervisor.reconnect({ overlap: true });
    assertEquals(interrupted, [0]);
    await site.upWithout(old);
    assertEquals(await ask(port, "b"), "echo: b");
    await within(10_000, "the old connection's end", old.closed);
  },
);

serverTest(
  "sshd",
  "supervisor.reconnect({ overlap: true }) changes nothing if connecting fails, and reconnect() ends live connections",
  async () => {
    await using site = await startSite(await startSshd(), { port: 0 });
    const { supervisor, port } = site;
    const old = supervisor.connection!;
    using live = await hold(port, site.echo);
    await supervisor.reconnect();
    await site.upWithout(old);
    assertEquals(await receiveText(live).catch(() => ""), "");
    assertEquals(await ask(port, "b"), "echo: b");
    const second = supervisor.connection!;
    site.fail();
    await assertRejects(
      () => supervisor.reconnect({ overlap: true }),
      RForwardError,
    );
    assertEquals(supervisor.connection, second);
    assertEquals(await ask(port, "c"), "echo: c");
    assertEquals(supervisor.snapshot.state, "up");
    const ends = ["connecting", "connected", "hand-over-failed"];
    assertEquals(
      site.events.map(({ type }) => type).filter((it) => ends.includes(it))
        .slice(-2),
      ["connecting", "hand-over-failed"],
    );
  },
);

serverTest(
  "asyncssh",
  "supervisor.reconnect({ overlap: true }) refuses no connection where the server shares a port among listeners",
  async () => {
    const port = freePort();
    await using site = await startSite(
      await startAsyncsshServer({ sharePorts: true }),
      { port },
    );
    const { supervisor, connections } = site;
    let goesOn = true;
    let asked = 0;
    const asking = async () => {
      for (; goesOn || asked < 5; asked++) {
        assertEquals(await ask(port, "x"), "echo: x");
      }
    };
    const work = asking();
    work.catch(() => {}); // awaited below
    using live = await hold(port, site.echo);
    for (let i = 0; i < 4; i++) {
      assertEquals(await supervisor.reconnect({ overlap: true }), {
        overlapped: [0],
        interrupted: [],
      });
    }
    await site.upWithout(connections[3]!);
    goesOn = false;
    await work;
    for (const old of connections.slice(1, -1)) {
      await within(10_000, "an old connection's end", old.closed);
    }
    assertEquals(connections[0]!.signal.aborted, false);
    await live.closeWrite();
    assertEquals(await receiveText(live), "echo: a");
    await within(10_000, "the first connection's end", connections[0]!.closed);
    assertEquals(connections.length, 5);
    assertEquals(
      site.events.filter(({ type }) => type === "denied" || type === "lost"),
      [],
    );
  },
);

Deno.test("a supervisor closes the connection that was to take over if it gives up in that moment", async () => {
  const connections: FakeConnection[] = [];
  const target = () => {};
  const denied = { bind: { port: 5001 }, target };
  const supervisor = supervise({
    connect() {
      const connection = new FakeConnection();
      connection.answer = (bind) =>
        "port" in bind && bind.port === denied.bind.port
          ? Promise.reject(new ForwardDeniedError(bind, "no"))
          : Promise.resolve(bind);
      connection.openDirect = () =>
        Promise.reject(new ChannelError("channel-refused", "nothing is there"));
      connections.push(connection);
      return Promise.resolve(connection);
    },
    tunnels: [{ bind: { port: 5000 }, target }, denied],
    bindRetry: { forMs: 0 },
    verify: false,
    onEvent({ type }) {
      if (type === "handing-over") void supervisor.setTunnels([denied]);
    },
  });
  for await (const { tunnels } of supervisor) {
    if (tunnels[0]?.state === "up" && tunnels[1]?.state === "denied") break;
  }
  await supervisor.reconnect({ overlap: true });
  const { reason, error } = await supervisor.closed;
  assertEquals([reason, error?.code], ["lost", "forward-denied"]);
  assertEquals(connections.map(({ signal }) => signal.aborted), [true, true]);
});
