import { RForwardError } from "../../../src/errors.ts";
import type { SshConnection } from "../../../src/ssh/connection.ts";
import { assertEquals, assertThrows } from "../../assert.ts";
import { within } from "../../within.ts";
import { readAll } from "../../testing/sockets.ts";
import { bytes, section, type Subject, Taker } from "./setting.ts";

const hostname = "127.0.0.1";

/** A program that connects to a bound port; `end` settles when it reads EOF. */
async function connectTo(port: number): Promise<{ end: Promise<void> }> {
  const program = await Deno.connect({ hostname, port });
  return {
    end: (async () => {
      try {
        assertEquals((await readAll(program)).length, 0);
      } catch (error) {
        // sshd resets a connection that sent something.
        if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
      } finally {
        program.close();
      }
    })(),
  };
}

async function bind(connection: SshConnection): Promise<number> {
  return (await connection.requestForward({ hostname, port: 0 })).port;
}

/** What the contract says of connections that the server opens. */
export function testOpens(subject: Subject): void {
  section(subject, "takeForwardedOpens()", [
    ["an opening names the bind and who connected", async ({ connection }) => {
      const taker = new Taker(connection);
      const port = await bind(connection);
      using program = await Deno.connect({ hostname, port });

      const { open, release } = await taker.next();

      assertEquals(open.bind, { hostname, port });
      assertEquals(open.originator, {
        address: hostname,
        port: program.localAddr.port,
      });
      assertEquals(open.answered, false);
      assertEquals(open.signal.aborted, false);
      open.refuse("connect-failed", "done");
      release();
    }],

    ["confirm() makes a channel to the program", async ({ connection }) => {
      const taker = new Taker(connection);
      const port = await bind(connection);
      using program = await Deno.connect({ hostname, port });
      const { open, release } = await taker.next();

      const channel = open.confirm();

      assertEquals(open.answered, true);
      assertEquals(connection.openChannels, 1);
      release();
      const writer = channel.writable.getWriter();
      await writer.write(bytes("hello"));
      const buffer = new Uint8Array(100);
      assertEquals(await program.read(buffer), 5);
      await program.write(buffer.subarray(0, 5));
      const { value } = await channel.readable.getReader().read();
      assertEquals(value, bytes("hello"));
    }],

    [
      "refuse() ends the program's connection at once",
      async ({ connection }) => {
        const taker = new Taker(connection);
        const port = await bind(connection);
        const reasons = [
          "administratively-prohibited",
          "connect-failed",
          "unknown-channel-type",
          "resource-shortage",
        ] as const;
        for (const reason of reasons) {
          const { end } = await connectTo(port);
          const { open, release } = await taker.next();
          open.refuse(reason, "not now");
          assertEquals(open.answered, true);
          await within(10_000, "the end", end);
          release();
        }
        assertEquals(connection.openChannels, 0);
      },
    ],

    ["what a taker leaves unanswered is refused", async ({ connection }) => {
      connection.takeForwardedOpens(() => Promise.resolve());
      const { end } = await connectTo(await bind(connection));
      await within(10_000, "the end", end);
    }],

    [
      "a connection whose handler throws is refused, and the SSH connection stays usable",
      async ({ connection }) => {
        const failures = [
          () => Promise.reject(new Error("no idea")),
          () => {
            throw new Error("no idea at all");
          },
        ];
        connection.takeForwardedOpens(() => failures.pop()!());
        const port = await bind(connection);
        while (failures.length > 0) {
          const { end } = await connectTo(port);
          await within(10_000, "the end", end);
        }
        await bind(connection);
      },
    ],

    ["without a taker, all is refused", async ({ connection }) => {
      const { end } = await connectTo(await bind(connection));
      await within(10_000, "the end", end);
    }],

    ["there is one taker", ({ connection }) => {
      new Taker(connection);
      const error = assertThrows(() => new Taker(connection), RForwardError);
      assertEquals(error.code, "invalid-argument");
      return Promise.resolve();
    }],

    ["an opening is answered once", async ({ connection }) => {
      const taker = new Taker(connection);
      const port = await bind(connection);
      const refused = await connectTo(port);
      const first = await taker.next();
      first.open.refuse("connect-failed", "no");
      first.open.refuse("connect-failed", "no again");
      const error = assertThrows(() => first.open.confirm(), RForwardError);
      assertEquals(error.code, "channel-closed");
      first.release();
      await refused.end;

      const confirmed = await connectTo(port);
      const second = await taker.next();
      const channel = second.open.confirm();
      second.open.refuse("connect-failed", "too late");
      assertThrows(() => second.open.confirm(), RForwardError);
      second.release();
      assertEquals(connection.openChannels, 1);
      channel.close();
      await confirmed.end;
      await channel.closed;
    }],

    [
      "an opening that waits ends with the connection",
      async ({ connection }) => {
        const taker = new Taker(connection);
        const { end } = await connectTo(await bind(connection));
        const { open, release } = await taker.next();

        await connection.close();

        assertEquals(open.signal.aborted, true);
        const error = assertThrows(() => open.confirm(), RForwardError);
        assertEquals(error.code, "connection-closed");
        open.refuse("connect-failed", "unheard");
        release();
        await end;
      },
    ],

    [
      "the signal of a confirmed opening is left alone",
      async ({ connection }) => {
        const taker = new Taker(connection);
        const { end } = await connectTo(await bind(connection));
        const { open, release } = await taker.next();
        open.confirm();

        await connection.close();

        assertEquals(open.signal.aborted, false);
        release();
        await end;
      },
    ],
  ]);
}
