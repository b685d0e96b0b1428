/** What goes through a tunnel: nothing lost, nothing crossed, each direction on its own. */
import { once } from "node:events";
import { createConnection, createServer } from "node:net";
import { type CloseReason, forward, TargetError } from "../../../mod.ts";
import { ssh2 } from "../../../src/ssh/ssh2/mod.ts";
import { assert, assertEquals } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { freePort } from "../../servers/free_port.ts";
import { exchange, startBulkService } from "../bulk.ts";
import {
  ask,
  receive,
  receiveText,
  send,
  servers,
  startEcho,
  startRig,
  startService,
  visit,
} from "../rig.ts";
import { THOROUGH } from "../../thorough.ts";

const loads: {
  kind: typeof servers[number];
  count: number;
  config?: string[];
}[] = [
  { kind: "sshd", count: 200 },
  // Together they carry several times the limit each way.
  THOROUGH
    ? { kind: "sshd", count: 200, config: ["RekeyLimit 16M"] }
    : { kind: "sshd", count: 40, config: ["RekeyLimit 4M"] },
  { kind: "dropbear", count: 60 },
];
for (const { kind, count, config = [] } of loads) {
  serverTest(
    kind,
    `a tunnel through ${
      [kind, ...config].join(" with ")
    } carries ${count} connections at once whole, both ways`,
    async () => {
      await using rig = await startRig(kind, { sshd: { config } });
      await using service = startBulkService();
      await using tunnel = await forward(rig.connection, {
        bind: { port: 0 },
        target: { port: service.port },
        // This process serves both ends, so a busy machine delays the dialling too.
        targetTimeoutMs: 300_000,
      });
      await Promise.all(
        Array.from({ length: count }, () => exchange(tunnel.port)),
      );
      assertEquals(service.taken, count);
    },
  );
}

for (const kind of servers) {
  serverTest(
    kind,
    `tunnels through ${kind} are each answered by their own target`,
    async () => {
      await using rig = await startRig(kind);
      await using stack = new AsyncDisposableStack();
      // Dropbear listens on 20 ports at most.
      const tunnels = kind === "sshd" ? 50 : 15;
      const ports: number[] = [];
      for (let i = 0; i < tunnels; i++) {
        const echo = stack.use(startEcho(`target ${i}`));
        const tunnel = stack.use(
          await forward(rig.connection, {
            // Dropbear chooses a port of ::1, whose other half may be taken.
            bind: { port: kind === "dropbear" ? freePort() : 0 },
            target: { port: echo.port },
          }),
        );
        ports.push(tunnel.port);
      }
      await Promise.all(
        ports.flatMap((port, i) =>
          [0, 1, 2, 3].map(async (n) =>
            assertEquals(await ask(port, `${n}`), `target ${i}: ${n}`)
          )
        ),
      );
    },
  );

  serverTest(
    kind,
    `two tunnels through ${kind} keep 10 + 10 connections at once apart`,
    async () => {
      await using rig = await startRig(kind);
      await using left = startEcho("left");
      await using right = startEcho("right");
      await using toLeft = await forward(rig.connection, {
        bind: { port: 0 },
        target: { port: left.port },
      });
      await using toRight = await forward(rig.connection, {
        bind: { port: 0 },
        target: { port: right.port },
      });
      const answers = await Promise.all(
        Array.from(
          { length: 20 },
          (_, i) => ask((i % 2 ? toRight : toLeft).port, `${i}`),
        ),
      );
      assertEquals(
        answers,
        Array.from(
          { length: 20 },
          (_, i) => `${i % 2 ? "right" : "left"}: ${i}`,
        ),
      );
    },
  );

  serverTest(
    kind,
    `a tunnel through ${kind} still answers after the client's EOF`,
    async () => {
      await using rig = await startRig(kind);
      const eof = Promise.withResolvers<string>();
      await using service = startService(async (conn) => {
        eof.resolve(await receiveText(conn));
        for (let i = 0; i < 100; i++) await send(conn, new Uint8Array(10_000));
      });
      await using tunnel = await forward(rig.connection, {
        bind: { port: 0 },
        target: { port: service.port },
      });
      using client = await visit(tunnel.port);
      await send(client, "question");
      await client.closeWrite();
      assertEquals(await eof.promise, "question");
      assertEquals((await receive(client)).length, 1_000_000);
    },
  );

  serverTest(
    kind,
    `a tunnel through ${kind} still accepts data after the target's EOF`,
    async () => {
      await using rig = await startRig(kind);
      const heard = Promise.withResolvers<number>();
      await using service = startService(async (conn) => {
        await send(conn, "go");
        await conn.closeWrite();
        heard.resolve((await receive(conn)).length);
      });
      await using tunnel = await forward(rig.connection, {
        bind: { port: 0 },
        target: { port: service.port },
      });
      using client = await visit(tunnel.port);
      assertEquals(await receiveText(client), "go");
      for (let i = 0; i < 100; i++) await send(client, new Uint8Array(10_000));
      await client.closeWrite();
      assertEquals(await heard.promise, 1_000_000);
    },
  );

  serverTest(
    kind,
    `a tunnel through ${kind} passes on connections that carry nothing`,
    async () => {
      await using rig = await startRig(kind);
      await using echo = startService((conn) => receive(conn).then(() => {}));
      await using tunnel = await forward(rig.connection, {
        bind: { port: 0 },
        target: { port: echo.port },
      });
      assertEquals(
        await Promise.all([1, 2, 3].map(() => ask(tunnel.port, ""))),
        ["", "", ""],
      );
      assertEquals(echo.taken, 3);
    },
  );

  serverTest(
    kind,
    `a tunnel through ${kind} resets the target's connection when the client resets, and stays up`,
    async () => {
      await using rig = await startRig(kind);
      const ended = Promise.withResolvers<void>();
      const started = Promise.withResolvers<void>();
      await using service = startService(async (conn) => {
        started.resolve();
        const hearing = receive(conn).finally(ended.resolve);
        await send(conn, new Uint8Array(1_000_000)).catch(() => {});
        await hearing;
      });
      await using tunnel = await forward(rig.connection, {
        bind: { port: 0 },
        target: { port: service.port },
      });
      const client = createConnection(tunnel.port, "127.0.0.1");
      await once(client, "connect");
      await started.promise;
      await once(client, "data");
      client.resetAndDestroy();
      await ended.promise;
      using other = await visit(tunnel.port);
      await other.closeWrite();
      assertEquals((await receive(other)).length, 1_000_000);
    },
  );

  serverTest(
    kind,
    `a tunnel through ${kind} ends the client's connection when the target resets`,
    async () => {
      await using rig = await startRig(kind);
      const target = createServer((socket) => {
        socket.once("data", () => socket.resetAndDestroy());
      }).listen(0, "127.0.0.1");
      await once(target, "listening");
      await using tunnel = await forward(rig.connection, {
        bind: { port: 0 },
        target: { port: (target.address() as { port: number }).port },
      });
      using client = await visit(tunnel.port);
      await send(client, "hello");
      assertEquals(await receiveText(client).catch(() => ""), "");
      target.close();
      await once(target, "close");
      await Promise.all([...tunnel.connections].map(({ closed }) => closed));
      assertEquals(tunnel.connections.size, 0);
    },
  );

  serverTest(
    kind,
    `a tunnel through ${kind} ends a connection at once when the target refuses, and reports it`,
    async () => {
      await using rig = await startRig(kind);
      const port = freePort();
      const reported = Promise.withResolvers<TargetError>();
      await using tunnel = await forward(rig.connection, {
        bind: { port: 0 },
        target: { port },
        onTargetError: reported.resolve,
      });
      using client = await visit(tunnel.port);
      assertEquals(await receiveText(client).catch(() => ""), "");
      const error = await reported.promise;
      assert(error instanceof TargetError);
      assertEquals(error.code, "target-refused");
      assertEquals(error.target, `127.0.0.1:${port}`);
      assertEquals(tunnel.connections.size, 0);
      assertEquals(rig.connection.openChannels, 0);
    },
  );
}

serverTest(
  "sshd",
  "a tunnel refuses a connection when its target is silent for connectTimeoutMs",
  async () => {
    await using rig = await startRig("sshd");
    await using silent = await startSilentPort();
    const reported = Promise.withResolvers<TargetError>();
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: silent.port },
      targetTimeoutMs: 200,
      onTargetError: reported.resolve,
    });
    using client = await visit(tunnel.port);
    assertEquals(await receiveText(client).catch(() => ""), "");
    assertEquals((await reported.promise).code, "target-timeout");
  },
);

serverTest(
  "sshd",
  "lingerMs ends a connection of which one side has ended and the other says nothing",
  async () => {
    await using rig = await startRig("sshd");
    const over = Promise.withResolvers<void>();
    await using idle = startService(() => over.promise);
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: idle.port },
      lingerMs: 50,
    });
    using client = await visit(tunnel.port);
    await client.closeWrite();
    assertEquals(await receiveText(client), "");
    over.resolve();
  },
);

for (const engine of [undefined, ssh2]) {
  serverTest(
    "sshd",
    `a slow target gets all that a program had sent when it closed its connection, although answers fail (${
      engine?.name ?? "native"
    } engine)`,
    async () => {
      await using rig = await startRig("sshd", engine ? { engine } : {});
      const dir = await Deno.makeTempDir();
      await using stack = new AsyncDisposableStack();
      stack.defer(() => Deno.remove(dir, { recursive: true }));
      const path = `${dir}/socket`;
      const gone = Promise.withResolvers<void>();
      const heard = Promise.withResolvers<number>();
      // Little fits into the buffers of a Unix socket.
      const listener = Deno.listen({ transport: "unix", path });
      stack.use(startService(async (conn) => {
        await gone.promise;
        const buffer = new Uint8Array(20_000);
        let bytes = 0;
        for (let n; (n = await conn.read(buffer)) !== null; bytes += n) {
          // sshd closes the channel when it cannot pass on the second one.
          await conn.write(Uint8Array.of(1)).catch(() => {});
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        heard.resolve(bytes);
      }, listener as unknown as Deno.Listener));
      const ended = Promise.withResolvers<CloseReason>();
      const tunnel = stack.use(
        await forward(rig.connection, {
          bind: { port: 0 },
          target: { path },
          onConnection: ({ closed }) => ended.resolve(closed),
        }),
      );
      const program = await visit(tunnel.port);
      await send(program, new Uint8Array(500_000));
      program.close();
      // In the turn of each answer, sshd reads a part of what the program has sent.
      for (let i = 0; i < 50; i++) await rig.connection.ping();
      gone.resolve();
      assertEquals(await heard.promise, 500_000);
      const { reason, error } = await ended.promise;
      assertEquals([reason, error?.code], ["lost", "channel-closed"]);
    },
  );
}

serverTest(
  "sshd",
  "a slow target holds back the sender, and memory stays flat",
  async () => {
    await using rig = await startRig("sshd");
    const gate = Promise.withResolvers<void>();
    const total = (THOROUGH ? 256 : 96) * 1024 * 1024;
    const heard = Promise.withResolvers<number>();
    await using service = startService(async (conn) => {
      await gate.promise;
      const buffer = new Uint8Array(256 * 1024);
      let sum = 0;
      for (let n; (n = await conn.read(buffer)) !== null;) sum += n;
      heard.resolve(sum);
    });
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: service.port },
    });
    using client = await visit(tunnel.port);
    let sent = 0;
    const piece = new Uint8Array(256 * 1024);
    const sending = (async () => {
      while (sent < total) sent += await client.write(piece);
      await client.closeWrite();
    })();
    sending.catch(() => {});
    // It stalls when every buffer and window on the way is full.
    let before = -1;
    while (sent !== before) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    // What the kernel holds of it differs from one machine to another.
    assert(sent < total / 2, `${sent} bytes went in although nothing reads`);
    gate.resolve();
    await sending;
    assertEquals(await heard.promise, sent);
  },
);

/** A port that accepts no connection: its backlog is full. */
async function startSilentPort(): Promise<{ port: number } & AsyncDisposable> {
  const listener = Deno.listen({
    hostname: "127.0.0.1",
    port: 0,
    tcpBacklog: 1,
  });
  const { port } = listener.addr;
  const full = new AbortController();
  const waiting: Promise<Deno.Conn | undefined>[] = [];
  for (let i = 0; i < 4; i++) {
    waiting.push(
      Deno.connect({ hostname: "127.0.0.1", port, signal: full.signal }).catch(
        () => undefined,
      ),
    );
  }
  await Promise.all(waiting.slice(0, 2));
  return {
    port,
    async [Symbol.asyncDispose]() {
      full.abort();
      for (const conn of await Promise.all(waiting)) conn?.close();
      listener.close();
    },
  };
}
