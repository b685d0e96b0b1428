import { ChannelError } from "../../../src/errors.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import {
  assertSameBytes,
  noise,
  readAll,
  writeAndEnd,
} from "../../testing/sockets.ts";
import { within } from "../../within.ts";
import {
  bytes,
  forwarded,
  forwarding,
  section,
  type Subject,
} from "./setting.ts";

const MIB = 1024 * 1024;

async function readWhole(
  readable: ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<Uint8Array> {
  return await new Response(readable).bytes();
}

/** Writes in chunks of 64 KiB until nothing is taken for a while; returns how much was. */
async function fill(write: (chunk: Uint8Array) => Promise<unknown>) {
  const chunk = noise(64 * 1024);
  let taken = 0;
  while (true) {
    const writing = write(chunk);
    const stalled = Promise.withResolvers<"stalled">();
    const timer = setTimeout(() => stalled.resolve("stalled"), 300);
    const first = await Promise.race([writing, stalled.promise]);
    clearTimeout(timer);
    if (first === "stalled") return { taken, pending: writing };
    taken += chunk.length;
    assert(taken < 256 * MIB, "the writer is never told to wait");
  }
}

/** What the contract says of a channel's streams. */
export function testChannels(subject: Subject): void {
  section(subject, "SshChannel", [
    [
      "each direction ends by itself, the program's first",
      async ({ connection }) => {
        using ends = await forwarded(connection);
        const { program, channel } = ends;
        await writeAndEnd(program, bytes("request"));
        assertSameBytes(await readWhole(channel.readable), bytes("request"));
        const writer = channel.writable.getWriter();
        await writer.write(bytes("answer"));
        await writer.write(bytes(", all of it"));
        await writer.close();
        assertSameBytes(await readAll(program), bytes("answer, all of it"));
        program.close();
        assertEquals(await channel.closed, { reason: "closed" });
        assertEquals(connection.openChannels, 0);
      },
    ],

    ["each direction ends by itself, ours first", async ({ connection }) => {
      using ends = await forwarded(connection);
      const { program, channel } = ends;
      const writer = channel.writable.getWriter();
      await writer.write(bytes("request"));
      await writer.close();
      assertSameBytes(await readAll(program), bytes("request"));
      await writeAndEnd(program, bytes("answer"));
      assertSameBytes(await readWhole(channel.readable), bytes("answer"));
      assertEquals(await channel.closed, { reason: "closed" });
    }],

    ["a connection may carry nothing at all", async ({ connection }) => {
      using ends = await forwarded(connection);
      const { program, channel } = ends;
      await program.closeWrite();
      assertEquals((await readWhole(channel.readable)).length, 0);
      await channel.writable.close();
      assertEquals((await readAll(program)).length, 0);
      await channel.closed;
      assertEquals([channel.bytesReceived, channel.bytesSent], [0, 0]);
    }],

    ["a reader may bring its own buffer", async ({ connection }) => {
      using ends = await forwarded(connection);
      const { program, channel } = ends;
      const sent = noise(300_001);
      const received = new Uint8Array(sent.length);
      const reader = channel.readable.getReader({ mode: "byob" });
      const read = async () => {
        let buffer = new ArrayBuffer(10_000);
        for (let at = 0;;) {
          const { value, done } = await reader.read(new Uint8Array(buffer));
          if (done) return at;
          received.set(value, at);
          at += value.length;
          buffer = value.buffer;
        }
      };

      const [length] = await Promise.all([read(), writeAndEnd(program, sent)]);

      assertEquals(length, sent.length);
      assertSameBytes(received, sent);
      assertEquals(channel.bytesReceived, sent.length);
    }],

    ["5 MB go both ways at once, and are counted", async ({ connection }) => {
      using ends = await forwarded(connection);
      const { program, channel } = ends;
      const up = noise(5_000_000);
      const down = noise(5_000_001);

      const [received, arrived] = await Promise.all([
        readWhole(channel.readable),
        readAll(program),
        writeAndEnd(program, up),
        new Response(down).body!.pipeTo(channel.writable),
      ]);

      assertSameBytes(received, up);
      assertSameBytes(arrived, down);
      assertEquals(channel.bytesReceived, up.length);
      assertEquals(channel.bytesSent, down.length);
      await channel.closed;
    }],

    ["one write may be larger than any window", async ({ connection }) => {
      using ends = await forwarded(connection);
      const { program, channel } = ends;
      const down = noise(9 * MIB);
      const writer = channel.writable.getWriter();
      const arriving = readAll(program);
      await writer.write(down);
      await writer.write(new Uint8Array());
      await writer.close();
      assertSameBytes(await arriving, down);
    }],

    ["what is read is the reader's own", async ({ connection }) => {
      using ends = await forwarded(connection);
      const { program, channel } = ends;
      const up = noise(3 * MIB);
      const writing = writeAndEnd(program, up);
      const copy = new Uint8Array(up.length);
      let read = 0;
      for await (const chunk of channel.readable) {
        assertEquals(chunk.constructor, Uint8Array);
        copy.set(chunk, read);
        read += chunk.length;
        structuredClone(chunk, { transfer: [chunk.buffer] });
      }
      await writing;
      assertSameBytes(copy, up);
    }],

    ["close() ends both directions at once", async ({ connection }) => {
      using ends = await forwarded(connection);
      const { program, channel } = ends;
      const reader = channel.readable.getReader();
      const writer = channel.writable.getWriter();
      const reading = assertRejects(() => reader.read(), ChannelError);

      channel.close();
      channel.close();

      assertEquals((await reading).code, "channel-closed");
      await assertRejects(() => reader.closed, ChannelError);
      await assertRejects(() => writer.closed, ChannelError);
      await assertRejects(() => writer.write(bytes("late")), ChannelError);
      assertEquals(await channel.closed, { reason: "closed" });
      assertEquals((await readAll(program)).length, 0);
      assertEquals(connection.openChannels, 0);
    }],

    ["close() drops what was not read", async ({ connection }) => {
      using ends = await forwarded(connection);
      const { program, channel } = ends;
      const reader = channel.readable.getReader();
      await program.write(bytes("first"));
      await reader.read();
      await program.write(bytes("second"));

      channel.close();

      await assertRejects(() => reader.read(), ChannelError);
      await channel.closed;
    }],

    ["cancelling the readable closes the channel", async ({ connection }) => {
      using ends = await forwarded(connection);
      const { program, channel } = ends;
      const writer = channel.writable.getWriter();

      await channel.readable.cancel();

      await channel.closed;
      await assertRejects(() => writer.write(bytes("late")), ChannelError);
      assertEquals((await readAll(program)).length, 0);
    }],

    ["aborting the writable closes the channel", async ({ connection }) => {
      using ends = await forwarded(connection);
      const { program, channel } = ends;

      await channel.writable.abort(new Error("enough"));

      await channel.closed;
      await assertRejects(
        () => channel.readable.getReader().read(),
        ChannelError,
      );
      assertEquals((await readAll(program)).length, 0);
    }],

    ["a program that resets is seen", async ({ connection }) => {
      using ends = await forwarded(connection);
      const { program, channel } = ends;
      const writer = channel.writable.getWriter();
      await writer.write(bytes("never read"));
      while ((await program.read(new Uint8Array(1))) === 0);
      program.close(); // with unread bytes, which makes it a reset

      assertEquals((await readWhole(channel.readable)).length, 0);
      // Dropbear 2022.83 keeps what it cannot write, and says nothing.
      if (!subject.kind.openssh) return channel.close();
      await within(
        10_000,
        "the writer's end",
        assertRejects(async () => {
          while (true) await writer.write(noise(1000));
        }, ChannelError),
      );
      await channel.closed;
    }],

    [
      "a writer that waits for window fails when the program goes",
      async ({ connection }) => {
        using ends = await forwarded(connection);
        const { program, channel } = ends;
        const writer = channel.writable.getWriter();
        const { pending } = await fill((chunk) => writer.write(chunk));
        const failing = assertRejects(() => pending, ChannelError);

        program.close();

        const error = await within(10_000, "the write", failing);
        assertEquals(error.code, "channel-closed");
        await channel.closed;
      },
    ],

    [
      "a writer that waits for window fails at close() and abort()",
      async ({ connection }) => {
        const next = await forwarding(connection);
        {
          using ends = await next();
          const writer = ends.channel.writable.getWriter();
          const { pending } = await fill((chunk) => writer.write(chunk));
          const failing = assertRejects(() => pending, ChannelError);
          ends.channel.close();
          await within(10_000, "the write", failing);
        }
        {
          using ends = await next();
          const writer = ends.channel.writable.getWriter();
          const { pending } = await fill((chunk) => writer.write(chunk));
          const failing = assertRejects(() => pending, Error);
          await within(10_000, "abort()", writer.abort(new Error("enough")));
          await within(10_000, "the write", failing);
        }
      },
    ],

    [
      "a reader that stops holds up the program, and then all arrives",
      async ({ connection }) => {
        using ends = await forwarded(connection);
        const { program, channel } = ends;
        const { taken, pending } = await fill(async (chunk) => {
          for (let done = 0; done < chunk.length;) {
            done += await program.write(chunk.subarray(done));
          }
        });
        // The window and the kernel's buffers, which grow up to some megabytes.
        assert(taken < 32 * MIB, `${taken} bytes were taken`);
        assertEquals(channel.bytesReceived, 0);

        const reading = readWhole(channel.readable);
        await pending;
        await program.closeWrite();
        const arrived = (await within(10_000, "the rest", reading)).length;
        assertEquals(arrived, taken + 64 * 1024);
        assertEquals(channel.bytesReceived, arrived);
      },
    ],

    [
      "a program that stops holds up our writer, and then all arrives",
      async ({ connection }) => {
        using ends = await forwarded(connection);
        const { program, channel } = ends;
        const writer = channel.writable.getWriter();
        const { taken, pending } = await fill((chunk) => writer.write(chunk));
        assert(taken < 32 * MIB, `${taken} bytes were taken`);

        const reading = readAll(program);
        await pending;
        await writer.close();
        const arrived = (await within(10_000, "the rest", reading)).length;
        assertEquals(arrived, taken + 64 * 1024);
        assertEquals(channel.bytesSent, arrived);
      },
    ],

    [
      "200 MB go past a reader that dawdles, and little of it is ever on its way",
      async ({ connection }) => {
        using ends = await forwarded(connection);
        const { program, channel } = ends;
        const chunk = noise(MIB);
        let written = 0;
        const writing = (async () => {
          while (written < 200 * MIB) {
            written += await program.write(chunk.subarray(written % MIB));
          }
          await program.closeWrite();
        })();
        let most = 0;
        let pauses = 0;
        for await (const _ of channel.readable) {
          most = Math.max(most, written - channel.bytesReceived);
          if (channel.bytesReceived < (pauses + 1) * 20 * MIB) continue;
          pauses++;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        await writing;
        assertEquals(channel.bytesReceived, 200 * MIB);
        // The largest window, and the kernel's buffers.
        assert(most < 64 * MIB, `${most} bytes were on their way`);
      },
    ],

    [
      "a channel that is not read does not hold up another",
      async ({ connection }) => {
        const next = await forwarding(connection);
        using stopped = await next();
        using running = await next();
        const { pending } = await fill(async (chunk) => {
          await stopped.program.write(chunk);
        });
        const up = noise(4 * MIB);
        const [received] = await within(
          10_000,
          "the other channel",
          Promise.all([
            readWhole(running.channel.readable),
            writeAndEnd(running.program, up),
          ]),
        );
        assertSameBytes(received, up);
        assertEquals(stopped.channel.bytesReceived, 0);
        stopped.channel.close();
        await pending.catch(() => {}); // sshd may reset what was not read
      },
    ],
  ]);
}
