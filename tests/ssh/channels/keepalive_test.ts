import { ConnectionLostError } from "../../../src/errors.ts";
import { connect } from "../../../src/ssh/connect.ts";
import { watchKeepalive } from "../../../src/ssh/channels/keepalive.ts";
import type { KeepaliveOptions } from "../../../src/ssh/connect_options.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { startDropbear } from "../../servers/dropbear.ts";
import { startSshd } from "../../servers/openssh.ts";
import { type Proxy, startProxy } from "../../servers/proxy.ts";
import type { SshServer } from "../../servers/ssh_server.ts";
import { within } from "../../within.ts";
import { forwarded } from "../contract/setting.ts";

/** A scripted server: which keepalives are sent and what fails, by time. */
function watch(options: KeepaliveOptions) {
  let bytesReceived = 0;
  let asked = 0;
  const failed = Promise.withResolvers<ConnectionLostError>();
  const stop = watchKeepalive(options, {
    bytesReceived: () => bytesReceived,
    ask: () => asked++,
    fail: failed.resolve,
  });
  return {
    say: () => bytesReceived++,
    get asked() {
      return asked;
    },
    failed: failed.promise,
    [Symbol.dispose]: stop,
  };
}

function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

Deno.test("watchKeepalive() asks a silent server `countMax` times, then ends the connection", async () => {
  using it = watch({ intervalMs: 20, countMax: 2 });
  const started = performance.now();

  const error = await within(10_000, "the end", it.failed);

  const took = performance.now() - started;
  assert(took >= 55, `${took} ms`);
  assertEquals(it.asked, 2);
  assertMatch(error.message, /silent for 60 ms and did not answer 2 times/);
});

Deno.test("watchKeepalive() takes anything for a sign of life", async () => {
  using it = watch({ intervalMs: 20, countMax: 2 });
  let ended = false;
  it.failed.then(() => ended = true);
  for (let i = 0; i < 20; i++) {
    await pass(15);
    it.say();
  }
  assertEquals(ended, false);
});

Deno.test("watchKeepalive() does nothing if the interval is 0, nor once it is stopped", async () => {
  using off = watch({ intervalMs: 0 });
  const stopped = watch({ intervalMs: 5 });
  stopped[Symbol.dispose]();
  await pass(50);
  assertEquals([off.asked, stopped.asked], [0, 0]);
});

/** A connection to a real server through a proxy. */
async function connectThrough(
  proxy: Proxy,
  server: SshServer,
  keepalive: KeepaliveOptions,
) {
  return await connect({
    ...{ hostname: proxy.hostname, port: proxy.port, user: server.user },
    privateKeys: [{ file: server.keyFile }],
    hostKeys: { text: server.knownHosts.replace(/:\d+/, `:${proxy.port}`) },
    keepalive,
  });
}

const kinds = { sshd: startSshd, dropbear: startDropbear };

for (const [kind, start] of Object.entries(kinds)) {
  serverTest(
    kind as keyof typeof kinds,
    `a connection to ${kind} that answers keepalives stays, idle as it may be`,
    async () => {
      await using server = await start();
      await using proxy = startProxy(server);
      await using connection = await connectThrough(proxy, server, {
        intervalMs: 500,
        countMax: 3,
      });
      await pass(2500);
      assertEquals(connection.signal.aborted, false);
      await connection.requestForward({ hostname: "127.0.0.1", port: 0 });
    },
  );

  serverTest(
    kind as keyof typeof kinds,
    `a connection to ${kind} whose network is gone is lost, and all that waits for it`,
    async () => {
      await using server = await start();
      await using proxy = startProxy(server);
      await using connection = await connectThrough(proxy, server, {
        intervalMs: 300,
        countMax: 2,
      });
      using ends = await forwarded(connection);
      const reading = assertRejects(
        () => ends.channel.readable.getReader().read(),
        ConnectionLostError,
      );
      const writer = ends.channel.writable.getWriter();
      const writing = assertRejects(async () => {
        while (true) await writer.write(new Uint8Array(100_000));
      }, ConnectionLostError);

      proxy.freeze();

      const { reason, error } = await within(
        10_000,
        "the end",
        connection.closed,
      );
      assertEquals(reason, "lost");
      assertMatch(
        error!.message,
        /silent for 900 ms and did not answer 2 times/,
      );
      assertEquals(await reading, error);
      assertEquals(await writing, error);
    },
  );
}

serverTest(
  "sshd",
  "a connection that is busy one way stays",
  async () => {
    await using server = await startSshd();
    await using connection = await connect({
      ...{ hostname: server.hostname, port: server.port, user: server.user },
      privateKeys: [{ file: server.keyFile }],
      hostKeys: { text: server.knownHosts },
      keepalive: { intervalMs: 400, countMax: 3 },
    });
    for (const command of ["timeout 2 cat /dev/zero; true", "cat >/dev/null"]) {
      await using process = await connection.exec(command);
      const writer = process.stdin.getWriter();
      if (command.startsWith("cat")) {
        const chunk = new Uint8Array(500_000);
        const end = performance.now() + 2000;
        while (performance.now() < end) await writer.write(chunk);
      }
      await writer.close();
      await process.stdout.pipeTo(new WritableStream());
      assertEquals((await process.status).success, true);
    }
    assertEquals(connection.signal.aborted, false);
  },
);

serverTest(
  "sshd",
  "close() settles also when the network no longer accepts data",
  async () => {
    await using server = await startSshd();
    await using proxy = startProxy(server);
    const connection = await connectThrough(proxy, server, { intervalMs: 0 });
    using ends = await forwarded(connection);
    const writer = ends.channel.writable.getWriter();
    proxy.freeze();
    const writing = assertRejects(async () => {
      while (true) await writer.write(new Uint8Array(1_000_000));
    }, Error);
    await pass(300); // until every buffer on the way is full

    await within(10_000, "close()", connection.close());

    assertEquals(await connection.closed, { reason: "closed" });
    await writing;
  },
);
