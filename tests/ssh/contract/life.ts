import {
  ArgumentError,
  ConnectionLostError,
  RForwardError,
} from "../../../src/errors.ts";
import type { SshConnection } from "../../../src/ssh/connection.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import {
  assertSameBytes,
  noise,
  readAll,
  writeAndEnd,
} from "../../testing/sockets.ts";
import { untilRead } from "../../servers/until_read.ts";
import { within } from "../../within.ts";
import { forwarded, section, type Subject, Taker } from "./setting.ts";

const hostname = "127.0.0.1";

/** Everything that may wait for a connection, each with its outcome. */
async function everything(connection: SshConnection) {
  const taker = new Taker(connection);
  const { port } = await connection.requestForward({ hostname, port: 0 });
  const program = await Deno.connect({ hostname, port });
  const channel = await taker.confirm();
  const held = await Deno.connect({ hostname, port });
  const { open } = await taker.next();
  const reader = channel.readable.getReader();
  const writer = channel.writable.getWriter();
  const process = await connection.exec("cat");

  const chunk = noise(64 * 1024);
  const waiting: Record<string, Promise<unknown>> = {
    // More than the window, so that they wait.
    write: (async () => {
      while (true) await writer.write(chunk);
    })(),
    stdin: (async () => {
      const writer = process.stdin.getWriter();
      while (true) await writer.write(chunk);
    })(),
    read: reader.read(),
    readerClosed: reader.closed,
    writerClosed: writer.closed,
    status: process.status,
    output: (async () => {
      await Promise.all([
        process.stdout.getReader().closed,
        process.stderr.getReader().closed,
      ]);
    })(),
  };
  const outcomes = Object.entries(waiting).map(async ([name, promise]) => {
    try {
      return [name, await promise];
    } catch (error) {
      return [name, error];
    }
  });
  return {
    open,
    channel,
    outcomes: Promise.all(outcomes),
    [Symbol.dispose]() {
      program.close();
      held.close();
    },
  };
}

/** Everything that can be asked of a connection. */
function ask(
  connection: SshConnection,
): Record<string, () => Promise<unknown>> {
  return {
    requestForward: () => connection.requestForward({ hostname, port: 0 }),
    cancelForward: () => connection.cancelForward({ hostname, port: 1 }),
    requestUnix: () => connection.requestForward({ path: "/tmp/x" }),
    openDirect: () => connection.openDirect(hostname, 1),
    openDirectUnix: () => connection.openDirectUnix("/tmp/x"),
    ping: () => connection.ping(),
    exec: () => connection.exec("true"),
  };
}

/** What the contract says of a connection's life and its end. */
export function testLife(subject: Subject): void {
  section(subject, "SshConnection", [
    ["it reports who is on the other side", async ({ server, connection }) => {
      const { server: info } = connection;
      assertEquals(
        [info.hostname, info.port, info.user, info.address],
        [server.hostname, server.port, server.user, server.hostname],
      );
      assert(/^(OpenSSH|dropbear)_/.test(info.software), info.software);
      assert(/^SHA256:[\w+/]{43}$/.test(info.hostKeyFingerprint));
      assert(info.cipher.toServer.length > 0);
      assert(info.cipher.toClient.length > 0);
      assertEquals(connection.openChannels, 0);
      assertEquals(connection.signal.aborted, false);
      await connection.close();
    }],

    [
      "when the server is gone, everything that waits fails with what happened",
      async ({ server, connection }) => {
        using waiting = await everything(connection);
        const asked = Object.values(ask(connection)).map((call) =>
          assertRejects(call, ConnectionLostError)
        );

        assert(server.killSessions("SIGKILL") > 0);

        const reason = await within(10_000, "closed", connection.closed);
        assertEquals(reason.reason, "lost");
        assert(reason.error instanceof ConnectionLostError);
        assertEquals(reason.error.code, "connection-lost");
        assertEquals(connection.signal.reason, reason.error);
        for (
          const [name, outcome] of await within(10_000, "all", waiting.outcomes)
        ) {
          assertEquals(outcome, reason.error, `${name}: ${outcome}`);
        }
        assertEquals(await waiting.channel.closed, reason);
        assertEquals(waiting.open.signal.reason, reason.error);
        // What was asked at that moment may have been answered before.
        for (const error of await Promise.allSettled(asked)) {
          if (error.status === "fulfilled") {
            assertEquals(error.value, reason.error);
          }
        }
        for (const [name, call] of Object.entries(ask(connection))) {
          const error = await assertRejects(call, ConnectionLostError);
          assertEquals(error, reason.error, name);
        }
        assertEquals(connection.openChannels, 0);
        await connection.close();
      },
    ],

    [
      "close() ends everything that waits, and is idempotent",
      async ({ connection }) => {
        using waiting = await everything(connection);

        const closing = connection.close();
        for (const [name, call] of Object.entries(ask(connection))) {
          const error = await assertRejects(call, RForwardError);
          assertEquals(error.code, "connection-closed", name);
        }
        await within(
          10_000,
          "close()",
          Promise.all([closing, connection.close()]),
        );

        assertEquals(await connection.closed, { reason: "closed" });
        const { reason } = connection.signal;
        assert(reason instanceof RForwardError);
        assertEquals(reason.code, "connection-closed");
        for (
          const [name, outcome] of await within(10_000, "all", waiting.outcomes)
        ) {
          assertEquals(outcome, reason, `${name}`);
        }
        assertEquals(await waiting.channel.closed, { reason: "closed" });
        assertEquals(waiting.open.signal.reason, reason);
        for (const call of Object.values(ask(connection))) {
          assertEquals(await assertRejects(call, RForwardError), reason);
        }
        assertEquals(connection.openChannels, 0);
      },
    ],

    ["ping() tells how long an answer takes", async ({ connection }) => {
      const times = await Promise.all([connection.ping(), connection.ping()]);
      for (const ms of times) assert(ms > 0 && ms < 5000, `${ms} ms`);
    }],

    [
      "ping() that is aborted leaves the connection as it is",
      async ({ connection }) => {
        const reason = new Error("enough");
        const stop = new AbortController();
        const pinging = assertRejects(
          () => connection.ping({ signal: stop.signal }),
          Error,
        );
        stop.abort(reason);
        assertEquals(await pinging, reason);
        assertEquals(
          await assertRejects(
            () => connection.ping({ signal: stop.signal }),
            Error,
          ),
          reason,
        );
        assertEquals(
          await connection.cancelForward({ hostname, port: 9 }),
          false,
        );
        assert(await connection.ping() > 0);
      },
    ],

    [
      "ping() that is not answered in time ends the connection",
      async ({ server, connection }) => {
        await connection.ping(); // the process that answers has started
        server.killSessions("SIGSTOP");
        const error = await assertRejects(async () => {
          // The first may be answered still.
          while (true) await connection.ping({ timeoutMs: 100 });
        }, ConnectionLostError);
        server.killSessions("SIGCONT");
        assert(/keepalive.* within 100 ms/.test(error.message), error.message);
        assertEquals(await connection.closed, { reason: "lost", error });
      },
    ],

    ["ping() names a time that cannot be", async ({ connection }) => {
      const error = await assertRejects(
        () => connection.ping({ timeoutMs: -1 }),
        ArgumentError,
      );
      assertEquals(error.argument, "timeoutMs");
    }],

    [
      "what was received before the end can be read after it",
      async ({ server, connection }) => {
        using ends = await forwarded(connection);
        const { program, channel } = ends;
        const up = noise(400_000); // fits into any window
        const reader = channel.readable.getReader();
        await program.write(up.subarray(0, 1));
        await reader.read();
        await writeAndEnd(program, up.subarray(1));
        await untilRead(program);
        // What is asked after it is answered after it.
        await using process = await connection.exec("true");
        await process.output();
        server.killSessions("SIGKILL");
        await connection.closed;

        const chunks = [up.subarray(0, 1)];
        for (let next; !(next = await reader.read()).done;) {
          chunks.push(next.value);
        }
        assertSameBytes(await new Blob(chunks).bytes(), up);
      },
    ],

    [
      "two connections to one server are apart",
      async ({ connection, connect }) => {
        await using other = await connect();
        await other.close();
        assertEquals((await other.closed).reason, "closed");
        await using process = await connection.exec("true");
        assertEquals((await process.output()).success, true);
      },
    ],
  ]);

  if (!subject.kind.openssh) return;
  section(subject, "SshConnection whose server sends keepalive requests", [
    [
      "it answers, with and without a channel",
      async ({ connection, connect }) => {
        await using idle = await connect();
        await using process = await connection.exec("cat");
        await new Promise((resolve) => setTimeout(resolve, 2500));
        assertEquals((await process.output()).success, true);
        assertEquals(idle.signal.aborted, false);
      },
    ],
  ], ["ClientAliveInterval 1", "ClientAliveCountMax 1"]);

  section(subject, "SshConnection whose server renews its keys every MB", [
    [
      "30 MB go both ways at once through the key exchanges",
      async ({ connection }) => {
        using ends = await forwarded(connection);
        const { program, channel } = ends;
        const up = noise(30_000_000);
        const down = noise(30_000_000);
        const [received, arrived] = await Promise.all([
          new Response(channel.readable).bytes(),
          readAll(program),
          writeAndEnd(program, up),
          new Response(down).body!.pipeTo(channel.writable),
        ]);
        assertSameBytes(received, up);
        assertSameBytes(arrived, down);
      },
    ],

    ["requests and commands work during them", async ({ connection }) => {
      await using flood = await connection.exec("head -c 30000000 /dev/zero");
      const flooding = flood.output();
      for (let i = 0; i < 20; i++) {
        const bound = await connection.requestForward({ hostname, port: 0 });
        await using process = await connection.exec(`exit ${i}`);
        assertEquals((await process.status).code, i);
        assertEquals(await connection.cancelForward(bound), true);
      }
      assertEquals((await flooding).stdout.length, 30_000_000);
    }],
  ], ["RekeyLimit 1M"]);
}
