/** The connections of a tunnel: their properties, and handlers that serve them in this process. */
import { forward, RForwardError, type TunnelConnection } from "../../../mod.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { FakeConnection, FakeOpen } from "../fake_connection.ts";
import {
  ask,
  receiveText,
  send,
  startRig,
  startService,
  visit,
} from "../rig.ts";
import { startEchoTunnel } from "./echo_tunnel.ts";

serverTest(
  "sshd",
  "a handler takes the connections of a tunnel in this process",
  async () => {
    await using rig = await startRig("sshd");
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: async (conn) => {
        const heard = await new Response(conn.readable).text();
        const { hostname } = conn.remoteAddr as Deno.NetAddr;
        await conn.write(new TextEncoder().encode(`${hostname} said ${heard}`));
      },
    });
    assertEquals(await ask(tunnel.port, "hi"), "127.0.0.1 said hi");
  },
);

serverTest(
  "sshd",
  "a handler that throws loses its connection and nothing else, and one that hangs does not keep the tunnel",
  async () => {
    await using rig = await startRig("sshd");
    const connections: TunnelConnection[] = [];
    const hangs = Promise.withResolvers<void>();
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: async (conn) => {
        const heard = new Uint8Array(1);
        await conn.read(heard);
        if (heard[0] === 104) {
          hangs.resolve();
          await new Promise(() => {});
        }
        throw new Error("no luck");
      },
      onConnection: (connection) => connections.push(connection),
    });
    assertEquals(await ask(tunnel.port, "t"), "");
    const { reason, error } = await connections[0]!.closed;
    assertEquals([reason, error?.code], ["lost", "target-failed"]);
    using hanging = await visit(tunnel.port);
    await send(hanging, "h");
    await hangs.promise;
    await tunnel.pause();
    assertEquals(await receiveText(hanging), "");
  },
);

serverTest(
  "sshd",
  "tunnel.connections lists who is connected and the bytes of each",
  async () => {
    await using echo = await startEchoTunnel();
    const { tunnel } = echo;
    using client = await visit(tunnel.port);
    const connection = await echo.connected;
    assertEquals([...tunnel.connections], [connection]);
    assertEquals(connection.originator, {
      address: "127.0.0.1",
      port: (client.localAddr as Deno.NetAddr).port,
    });
    assertEquals(connection.target, `127.0.0.1:${echo.target}`);
    await send(client, "12345");
    await client.closeWrite();
    assertEquals(await receiveText(client), "echo: 12345");
    assertEquals(await connection.closed, { reason: "closed" });
    assertEquals(connection.bytesToTarget, 5);
    assertEquals(connection.bytesToServer, 11);
    assertEquals(tunnel.connections.size, 0);
  },
);

serverTest(
  "sshd",
  "connection.close() of a tunnel's connection ends that one alone",
  async () => {
    await using echo = await startEchoTunnel();
    const { tunnel } = echo;
    using one = await visit(tunnel.port);
    const connection = await echo.connected;
    connection.close();
    assertEquals(await connection.closed, { reason: "closed" });
    assertEquals(await receiveText(one), "");
    assertEquals(await ask(tunnel.port, "hi"), "echo: hi");
  },
);

Deno.test("a tunnel logs originators without control characters", async () => {
  const connection = new FakeConnection();
  const said: string[] = [];
  const note = (message: string) => said.push(message);
  await using _ = await forward(connection, {
    bind: { port: 5000 },
    target: () => Promise.resolve(),
    logger: { debug: note, info: note, warn: note, error: note },
  });
  const open = new FakeOpen({ hostname: "127.0.0.1", port: 5000 });
  open.originator.address = "\x1b[2J\x1b]0;owned\x00";
  await connection.offer(open);
  assert(said.some((message) => message.includes("owned")));
  assertEquals(said.filter((message) => /\p{Cc}/u.test(message)), []);
});

Deno.test("a handler may stop its tunnel and throw", async () => {
  const connection = new FakeConnection();
  const connected = Promise.withResolvers<TunnelConnection>();
  await using tunnel = await forward(connection, {
    bind: { port: 5000 },
    target: () => {
      void tunnel.stop();
      throw new Error("oops");
    },
    onConnection: connected.resolve,
  });
  await connection.open({ hostname: "127.0.0.1", port: 5000 });
  const { closed } = await connected.promise;
  assertEquals(await closed, { reason: "closed" });
  assertEquals(await tunnel.closed, { reason: "closed" });
});

Deno.test("a tunnel leaves no connection to its target where the server's can no longer be confirmed", async () => {
  const connection = new FakeConnection();
  const heard = Promise.withResolvers<string>();
  await using service = startService(async (conn) =>
    heard.resolve(await receiveText(conn))
  );
  await using _ = await forward(connection, {
    bind: { port: 5000 },
    target: { port: service.port },
  });
  const open = new FakeOpen({ hostname: "127.0.0.1", port: 5000 });
  const gone = new RForwardError("connection-lost", "gone");
  open.confirm = () => {
    throw gone;
  };
  const error = await assertRejects(
    () => connection.offer(open),
    RForwardError,
  );
  assert(error === gone);
  assertEquals(await heard.promise, "");
});
