import { ConnectionLostError, listen, RForwardError } from "../../../mod.ts";
import { assertEquals, assertRejects } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { within } from "../../within.ts";
import { FakeConnection } from "../fake_connection.ts";
import { ask, isRefused, receiveText, send, startRig, visit } from "../rig.ts";

serverTest(
  "sshd",
  "listen() accepts connections like a Deno.Listener",
  async () => {
    await using rig = await startRig("sshd");
    await using listener = await listen(rig.connection, { port: 0 });
    assertEquals(listener.addr, {
      transport: "tcp",
      hostname: "127.0.0.1",
      port: listener.port,
    });
    using client = await visit(listener.port);
    await send(client, "question");
    using conn = await listener.accept();
    assertEquals(conn.localAddr, listener.addr);
    assertEquals(conn.remoteAddr, { ...client.localAddr });
    const buffer = new Uint8Array(4);
    assertEquals(await conn.read(buffer), 4);
    assertEquals(new TextDecoder().decode(buffer), "ques");
    assertEquals(await conn.read(new Uint8Array(0)), 0);
    assertEquals(await conn.read(new Uint8Array(100)), 4);
    await conn.write(new TextEncoder().encode("answer"));
    await conn.closeWrite();
    assertEquals(await receiveText(client), "answer");
    await client.closeWrite();
    assertEquals(await conn.read(buffer), null);
    await conn.closed;
  },
);

serverTest(
  "sshd",
  "a listener can be iterated until it is closed, and leaves accepted connections open",
  async () => {
    await using rig = await startRig("sshd");
    const listener = await listen(rig.connection, { port: 0 });
    const client = visit(listener.port);
    for await (const conn of listener) {
      listener.close();
      await conn.write(new TextEncoder().encode("still here"));
      conn.close();
    }
    using conn = await client;
    assertEquals(await receiveText(conn), "still here");
    await listener[Symbol.asyncDispose]();
    assertEquals(await isRefused(listener.port), true);
    await assertRejects(() => listener.accept(), Deno.errors.BadResource);
  },
);

Deno.test("listener.accept() leaves when its signal aborts, and the next gets the connection", async () => {
  const connection = new FakeConnection();
  await using listener = await listen(connection, { port: 0 });
  const stop = new AbortController();
  const { signal } = stop;
  const first = assertRejects(() => listener.accept({ signal }), Error);
  const second = listener.accept();
  stop.abort(new Error("enough"));
  assertEquals(await first, signal.reason);
  await assertRejects(() => listener.accept({ signal }), Error);
  const open = await connection.open(listener.bound);
  (await second).close();
  assertEquals(open.answered, true);
});

serverTest(
  "sshd",
  "a listener serves many connections at once",
  async () => {
    await using rig = await startRig("sshd");
    await using listener = await listen(rig.connection, { port: 0 });
    const serving = (async () => {
      const work: Promise<void>[] = [];
      for await (const conn of listener) {
        work.push(conn.readable.pipeTo(conn.writable));
      }
      await Promise.all(work);
    })();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => ask(listener.port, `${i}`)),
    );
    assertEquals(answers, Array.from({ length: 50 }, (_, i) => `${i}`));
    listener.close();
    await serving;
  },
);

serverTest("sshd", "a listener on a Unix socket of the server", async () => {
  await using rig = await startRig("sshd");
  const path = `${rig.server.dir}/listener.sock`;
  await using listener = await listen(rig.connection, { path });
  assertEquals(listener.addr, { transport: "unix", path });
  assertEquals(listener.port, 0);
  using client = await Deno.connect({ transport: "unix", path });
  using conn = await listener.accept();
  await send(client, "hi");
  await client.closeWrite();
  assertEquals(await new Response(conn.readable).text(), "hi");
});

serverTest(
  "sshd",
  "listener.accept() rejects when the connection is lost, and the iteration throws",
  async () => {
    await using rig = await startRig("sshd");
    await using listener = await listen(rig.connection, { port: 0 });
    const accepted = assertRejects(
      () => listener.accept(),
      ConnectionLostError,
    );
    rig.server.killSessions("SIGKILL");
    await accepted;
    await assertRejects(async () => {
      for await (const conn of listener) conn.close();
    }, ConnectionLostError);
  },
);

Deno.test("listen() closes with its signal, and refuses connections that wait", async () => {
  const connection = new FakeConnection();
  const controller = new AbortController();
  const listener = await listen(connection, {
    port: 5000,
    signal: controller.signal,
  });
  const waiting = connection.open({ hostname: "127.0.0.1", port: 5000 });
  controller.abort();
  assertEquals((await waiting).outcome, "administratively-prohibited");
  await assertRejects(() => listener.accept(), Deno.errors.BadResource);
  await listener[Symbol.asyncDispose]();
  assertEquals(connection.cancelled, [{ hostname: "127.0.0.1", port: 5000 }]);
});

Deno.test("listen() refuses connections beyond its backlog", async () => {
  const connection = new FakeConnection();
  const listener = await listen(connection, { port: 5000 });
  const bind = { hostname: "127.0.0.1", port: 5000 };
  const waiting = Array.from({ length: 128 }, () => connection.open(bind));
  assertEquals((await connection.open(bind)).outcome, "resource-shortage");
  listener.close();
  await Promise.all(waiting);
});

Deno.test("listen() does not listen once its signal is aborted", async () => {
  const connection = new FakeConnection();
  const error = new RForwardError("tunnel-stopped", "enough");
  const rejected = await assertRejects(
    () => listen(connection, { port: 5000, signal: AbortSignal.abort(error) }),
    RForwardError,
  );
  assertEquals(rejected, error);
});

Deno.test("listener.accept() rejects if the connection ended with the server's answer", async () => {
  const connection = new FakeConnection();
  connection.answer = (bind) => {
    queueMicrotask(() => void connection.close());
    return Promise.resolve(bind);
  };
  const listener = await listen(connection, { port: 5000 });
  const rejected = await assertRejects(
    () => within(10_000, "accept()", listener.accept()),
    RForwardError,
  );
  assertEquals(rejected, connection.signal.reason);
});

serverTest(
  "sshd",
  "a listener whose port was cancelled is closed, and leaves accepted connections open",
  async () => {
    await using rig = await startRig("sshd");
    await using listener = await listen(rig.connection, { port: 0 });
    using client = await visit(listener.port);
    using conn = await listener.accept();
    const waiting = listener.accept();
    waiting.catch(() => {});
    assertEquals(await rig.connection.cancelForward(listener.bound), true);
    await assertRejects(() => waiting, Deno.errors.BadResource);
    for await (const _ of listener) throw new Error("it accepts more");
    await conn.closeWrite();
    assertEquals(await receiveText(client), "");
  },
);
