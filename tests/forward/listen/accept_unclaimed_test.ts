import {
  acceptUnclaimed,
  ConnectionLostError,
  relay,
  RForwardError,
} from "../../../mod.ts";
import { PortDispatcher } from "../../../src/forward/tunnel/dispatcher.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
} from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { FakeConnection } from "../fake_connection.ts";
import { ask, receiveText, send, startRig, visit } from "../rig.ts";
import { startEchoTunnel } from "../tunnel/echo_tunnel.ts";

const hostname = "127.0.0.1";

serverTest(
  "sshd",
  "dispatcher.takeUnclaimed() gives a program the connections of its own binds, beside tunnels",
  async () => {
    await using echo = await startEchoTunnel();
    const { connection, tunnel } = echo;
    const { port } = await connection.requestForward({ hostname, port: 0 });
    const dispatcher = PortDispatcher.of(connection);
    assertEquals(await ask(port, "hi").catch(() => ""), "");

    const taking = dispatcher.takeUnclaimed(async (open) => {
      assertEquals(open.bind, { hostname, port });
      const { readable, writable } = open.confirm();
      await readable.pipeTo(writable);
    });
    assertEquals(
      [await ask(port, "hi"), await ask(tunnel.port, "hi")],
      ["hi", "echo: hi"],
    );
    assertThrows(
      () => dispatcher.takeUnclaimed(() => Promise.resolve()),
      RForwardError,
    );

    taking[Symbol.dispose]();
    assertEquals(await ask(port, "hi").catch(() => ""), "");
    assertEquals(await ask(tunnel.port, "hi"), "echo: hi");
    using _ = dispatcher.takeUnclaimed(() => Promise.resolve());
    taking[Symbol.dispose](); // is over already
    assertThrows(
      () => dispatcher.takeUnclaimed(() => Promise.resolve()),
      RForwardError,
    );
  },
);

Deno.test("dispatcher.takeUnclaimed() leaves a connection to a tunnel that does not know its port yet", async () => {
  const connection = new FakeConnection();
  const dispatcher = PortDispatcher.of(connection);
  const taken: string[] = [];
  const takeAs = (name: string) => () => {
    taken.push(name);
    return Promise.resolve();
  };
  using _ = dispatcher.takeUnclaimed(takeAs("program"));
  for (const chosen of [40_001, 40_002]) {
    const tunnel = dispatcher.register({ hostname, port: 0 }, takeAs("tunnel"));
    const opened = connection.open({ hostname, port: 40_001 });
    tunnel.confirm({ hostname, port: chosen });
    await opened;
    tunnel.remove();
  }
  assertEquals(taken, ["tunnel", "program"]);
});

serverTest(
  "sshd",
  "acceptUnclaimed() accepts connections one by one, beside tunnels",
  async () => {
    await using echo = await startEchoTunnel();
    const { connection, tunnel } = echo;
    const unclaimed = acceptUnclaimed(connection);
    const bind = { hostname, port: 0 };
    const [one, two] = await Promise.all([
      connection.requestForward(bind),
      connection.requestForward(bind),
    ]);
    const asked = [ask(one.port, "1"), ask(two.port, "2")];
    const ports: number[] = [];
    for await (const conn of unclaimed) {
      ports.push((conn.localAddr as Deno.NetAddr).port);
      const service = await Deno.connect({ port: echo.target });
      await relay(conn, service);
      if (ports.length === 2) break;
    }
    assertEquals(new Set(ports), new Set([one.port, two.port]));
    assertEquals(await Promise.all(asked), ["echo: 1", "echo: 2"]);
    assertEquals(await ask(tunnel.port, "3"), "echo: 3");

    // To leave the loop is to accept no more.
    assertEquals(await ask(one.port, "4").catch(() => ""), "");
    await assertRejects(() => unclaimed.accept(), Deno.errors.BadResource);
    for await (const _ of unclaimed) throw new Error("it accepts more");
    using _again = acceptUnclaimed(connection);
  },
);

serverTest(
  "sshd",
  "acceptUnclaimed() leaves accepted connections open, and refuses those that wait when it is closed",
  async () => {
    await using rig = await startRig("sshd");
    const { port } = await rig.connection.requestForward({ hostname, port: 0 });
    using unclaimed = acceptUnclaimed(rig.connection);
    using client = await visit(port);
    using accepted = await unclaimed.accept();
    using waiting = await visit(port);
    unclaimed.close();
    assertEquals(await receiveText(waiting).catch(() => ""), "");
    await send(client, "hello");
    await client.closeWrite();
    assertEquals(await new Response(accepted.readable).text(), "hello");
  },
);

serverTest(
  "sshd",
  "acceptUnclaimed() ends with the connection",
  async () => {
    await using rig = await startRig("sshd");
    const unclaimed = acceptUnclaimed(rig.connection);
    const waiting = unclaimed.accept();
    waiting.catch(() => {});
    rig.server.killSessions("SIGKILL");
    const error = await assertRejects(() => waiting, ConnectionLostError);
    assert(await assertRejects(() => unclaimed.accept(), Error) === error);
  },
);
