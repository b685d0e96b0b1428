import { ArgumentError, ChannelError } from "../../../src/errors.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { freePort } from "../../servers/free_port.ts";
import { within } from "../../within.ts";
import { bytes, section, type Subject } from "./setting.ts";

const hostname = "127.0.0.1";

/** What the contract says of connections that we open from the server. */
export function testDirect(subject: Subject): void {
  section(subject, "openDirect()", [
    ["it reaches a service from the server", async ({ connection }) => {
      using listener = Deno.listen({ hostname, port: 0 });
      const channel = await connection.openDirect(hostname, listener.addr.port);
      using service = await listener.accept();
      assertEquals(connection.openChannels, 1);

      await service.write(bytes("hello"));
      const reader = channel.readable.getReader();
      assertEquals((await reader.read()).value, bytes("hello"));
      await channel.writable.close();
      assertEquals(await service.read(new Uint8Array(1)), null);
      await service.closeWrite();
      assertEquals((await reader.read()).done, true);
      assertEquals(await channel.closed, { reason: "closed" });
    }],

    [
      "what the server cannot reach is refused, with its reason",
      async ({ connection }) => {
        const port = freePort();

        const error = await assertRejects(
          () => connection.openDirect(hostname, port),
          ChannelError,
        );

        assertEquals(error.code, "channel-refused");
        assertEquals(error.reason, "connect-failed");
        assertEquals(error.serverSays, "Connection refused");
        assert(error.message.includes(`${hostname}:${port}`), error.message);
        assertEquals(connection.openChannels, 0);
      },
    ],

    ["what cannot be an address is named", async ({ connection }) => {
      for (const host of ["", "two words", undefined]) {
        const error = await assertRejects(
          () => connection.openDirect(host as string, 80),
          ArgumentError,
        );
        assertEquals(error.argument, "hostname");
      }
      for (const port of [0, 65536, -1, 1.5, NaN]) {
        const error = await assertRejects(
          () => connection.openDirect(hostname, port),
          ArgumentError,
        );
        assertEquals(error.argument, "port");
      }
    }],

    [
      "the signal aborts the attempt, and a channel opened later is closed",
      async ({ connection }) => {
        const reason = new Error("enough");
        assertEquals(
          await assertRejects(
            () =>
              connection.openDirect(hostname, 1, {
                signal: AbortSignal.abort(reason),
              }),
            Error,
          ),
          reason,
        );

        using listener = Deno.listen({ hostname, port: 0 });
        const stop = new AbortController();
        const opening = assertRejects(
          () =>
            connection.openDirect(hostname, listener.addr.port, {
              signal: stop.signal,
            }),
          Error,
        );
        stop.abort(reason);
        assertEquals(await opening, reason);
        using service = await listener.accept();
        assertEquals(
          await within(10_000, "its end", service.read(new Uint8Array(1))),
          null,
        );
        await connection.requestForward({ hostname, port: 0 });
        assertEquals(connection.openChannels, 0);
      },
    ],

    ["the signal has no effect once it is open", async ({ connection }) => {
      using listener = Deno.listen({ hostname, port: 0 });
      const stop = new AbortController();
      const channel = await connection.openDirect(
        hostname,
        listener.addr.port,
        { signal: stop.signal },
      );
      using service = await listener.accept();
      stop.abort();
      await service.write(bytes("on"));
      const { value } = await channel.readable.getReader().read();
      assertEquals(value, bytes("on"));
    }],

    ["50 open at once", async ({ connection }) => {
      using listener = Deno.listen({ hostname, port: 0 });
      const services: Deno.Conn[] = [];
      const accepting = (async () => {
        for await (const service of listener) {
          services.push(service);
          if (services.length === 50) return;
        }
      })();
      const channels = await Promise.all(
        Array.from(
          { length: 50 },
          () => connection.openDirect(hostname, listener.addr.port),
        ),
      );
      await accepting;
      assertEquals(connection.openChannels, 50);
      for (const channel of channels) channel.close();
      await Promise.all(channels.map(({ closed }) => closed));
      assertEquals(connection.openChannels, 0);
      for (const service of services) service.close();
    }],
  ]);

  if (!subject.kind.openssh) return;
  section(subject, "openDirectUnix()", [
    ["it reaches a service from the server", async ({ connection }) => {
      using service = listenForAll();
      const channel = await connection.openDirectUnix(service.path);
      using program = await service.accept();
      assertEquals(connection.openChannels, 1);

      await program.write(bytes("hello"));
      const reader = channel.readable.getReader();
      assertEquals((await reader.read()).value, bytes("hello"));
      await channel.writable.close();
      assertEquals(await program.read(new Uint8Array(1)), null);
      await program.closeWrite();
      assertEquals((await reader.read()).done, true);
      assertEquals(await channel.closed, { reason: "closed" });
    }],

    [
      "a path without a listener is refused",
      async ({ server, connection }) => {
        const error = await assertRejects(
          () => connection.openDirectUnix(server.keyFile),
          ChannelError,
        );
        assertEquals(error.code, "channel-refused");
        assert(error.message.includes(server.keyFile), error.message);
        assertEquals(connection.openChannels, 0);
      },
    ],

    ["what cannot be a path is named", async ({ connection }) => {
      for (const path of ["", "a\0b", undefined]) {
        const error = await assertRejects(
          () => connection.openDirectUnix(path as string),
          ArgumentError,
        );
        assertEquals(error.argument, "path");
      }
    }],

    ["the signal aborts the attempt", async ({ connection }) => {
      const reason = new Error("enough");
      assertEquals(
        await assertRejects(
          () =>
            connection.openDirectUnix("/tmp/x", {
              signal: AbortSignal.abort(reason),
            }),
          Error,
        ),
        reason,
      );
    }],
  ]);
}

/** A Unix socket that every user of this machine may connect to. */
function listenForAll() {
  const path = `/tmp/rforward-${crypto.randomUUID()}`;
  const listener = Deno.listen({ transport: "unix", path });
  Deno.chmodSync(path, 0o777);
  return {
    path,
    accept: () => listener.accept(),
    [Symbol.dispose]: () => listener.close(),
  };
}
