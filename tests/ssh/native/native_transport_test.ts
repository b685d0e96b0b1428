import process from "node:process";
import { concat } from "../../../src/streams/concat.ts";
import { silentLogger } from "../../../src/logger.ts";
import { ProtocolError } from "../../../src/errors.ts";
import type { MessageTransport } from "../../../src/ssh/message_transport.ts";
import { readExtInfo } from "../../../src/ssh/messages/transport_messages.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { within } from "../../within.ts";
import { randomBytes } from "../ssh2_crypto.ts";
import { MessageQueue, newEd25519Key } from "./message_session.ts";
import {
  startLoggedIn,
  startPair,
  type TransportPair,
  uncompressed,
} from "./transport_pair.ts";
import { MessageNumber } from "../../../src/ssh/messages/message_number.ts";

const { CHANNEL_DATA } = MessageNumber;

/** A message of the connection layer with that in it. */
function messageOf(body: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(CHANNEL_DATA), body);
}

async function readyPair(
  ...options: Parameters<typeof startPair>
): Promise<TransportPair> {
  const pair = await startPair(...options);
  await Promise.all([pair.client.ready, pair.server.ready]);
  return pair;
}

Deno.test("both roles agree on a session, by strict key exchange", async () => {
  const hostKey = await newEd25519Key();
  const shown: Uint8Array[] = [];
  await using pair = await readyPair({
    client: {
      verifyHostKey: (key) => Promise.resolve(void shown.push(key)),
    },
    server: { hostKeys: [hostKey] },
  });
  const { client, server } = pair;
  assertEquals(client.sessionId, server.sessionId);
  assertEquals(client.negotiated, server.negotiated);
  assert(client.negotiated.strictKex);
  assert(/^SSH-2\.0-rforward_\S+$/.test(client.peerVersion));
  assertEquals(client.peerVersion, server.peerVersion);
  assertEquals(shown, [new Uint8Array(hostKey.blob)]);
  assertEquals(client.congested, false);
});

Deno.test("messages of every size arrive complete, in order and as Uint8Arrays, both ways", async () => {
  for (
    const cipher of [
      "chacha20-poly1305@openssh.com",
      "aes128-ctr",
      "aes128-gcm@openssh.com",
    ]
  ) {
    await using pair = await readyPair({ algorithms: { cipher: [cipher] } });
    const { client, server } = pair;
    const sizes = [
      0,
      1,
      2,
      3,
      4,
      5,
      6,
      7,
      8,
      15,
      16,
      17,
      1000,
      32_768,
      200_000,
    ];
    const bodies = sizes.map(randomBytes);
    for (const [from, to] of [[client, server], [server, client]] as const) {
      const queue = new MessageQueue(to);
      bodies.forEach((body) => from.send(Uint8Array.of(CHANNEL_DATA), body));
      for (const body of bodies) {
        assertEquals(await queue.nextOf(CHANNEL_DATA), messageOf(body));
      }
    }
  }
});

Deno.test("memory of a message may be used again once it was sent, in a key exchange and with compression too", async () => {
  for (const compression of [["none"], ["zlib@openssh.com"]]) {
    await using pair = await startLoggedIn({ algorithms: { compression } });
    const { client, server } = pair;
    const queue = new MessageQueue(server);
    const [head, body] = [new Uint8Array(5), new Uint8Array(3)];
    for (const exchanges of [false, true]) {
      if (exchanges) client.rekey();
      assertEquals(client.congested, exchanges);
      for (const value of [1, 2]) {
        head.fill(value)[0] = CHANNEL_DATA;
        client.send(head, body.fill(value));
        head.fill(0);
        body.fill(0);
      }
      for (const value of [1, 2]) {
        const message = await queue.nextOf(CHANNEL_DATA);
        assertEquals(message.slice(1), new Uint8Array(7).fill(value));
      }
    }
  }
});

Deno.test("a message that is handled is a Uint8Array, never a Buffer", async () => {
  for (const cipher of ["aes128-ctr", "aes128-gcm@openssh.com"]) {
    await using pair = await readyPair({ algorithms: { cipher: [cipher] } });
    const seen = Promise.withResolvers<unknown>();
    pair.client.receive((message) => {
      if (message[0] === CHANNEL_DATA) seen.resolve(message.constructor);
    });
    pair.server.send(messageOf(randomBytes(3)));
    assertEquals(await seen.promise, Uint8Array);
  }
});

Deno.test("what is handled can be sent on from within the handler", async () => {
  await using pair = await readyPair();
  const { client, server } = pair;
  const queue = new MessageQueue(client);
  server.receive((message) => {
    if (message[0] !== CHANNEL_DATA) return;
    server.send(message);
    server.send(message.subarray(0, 1), message.subarray(1));
  });
  const body = randomBytes(5000);
  client.send(messageOf(body));
  for (let i = 0; i < 2; i++) {
    assertEquals(await queue.nextOf(CHANNEL_DATA), messageOf(body));
  }
});

Deno.test("both sides announce their extensions once", async () => {
  await using pair = await readyPair({
    server: { serverSigAlgs: ["ssh-ed25519", "rsa-sha2-512"] },
  });
  const { client, server } = pair;
  const queues = [new MessageQueue(client), new MessageQueue(server)] as const;
  assertEquals(
    [...readExtInfo(await queues[0].next())],
    [["server-sig-algs", "ssh-ed25519,rsa-sha2-512"]],
  );
  assertEquals(
    [...readExtInfo(await queues[1].next())],
    [["ext-info-in-auth@openssh.com", "0"]],
  );
  client.rekey();
  server.send(messageOf(randomBytes(1)));
  client.send(messageOf(randomBytes(1)));
  for (const queue of queues) {
    assertEquals((await queue.next())[0], CHANNEL_DATA);
  }
});

Deno.test("messages that come before there is a receiver wait for it", async () => {
  await using pair = await readyPair();
  const { client, server } = pair;
  server.send(messageOf(Uint8Array.of(1)));
  server.send(messageOf(Uint8Array.of(2)));
  client.rekey(); // Only its answer shows that all of it has arrived.
  while (client.bytesReceived === 0) await client.drained();
  const queue = new MessageQueue(client);
  assertEquals(
    await queue.nextOf(CHANNEL_DATA),
    Uint8Array.of(CHANNEL_DATA, 1),
  );
  assertEquals(
    await queue.nextOf(CHANNEL_DATA),
    Uint8Array.of(CHANNEL_DATA, 2),
  );
});

Deno.test("a message that the receiver does not know is answered with UNIMPLEMENTED", async () => {
  const answered = Promise.withResolvers<void>();
  await using pair = await readyPair({
    client: {
      logger: {
        ...silentLogger,
        debug(text) {
          if (text.includes("does not implement")) answered.resolve();
        },
      },
    },
  });
  pair.server.receive(() => false);
  pair.client.receive(() => {});
  pair.client.send(Uint8Array.of(200));
  await within(10_000, "UNIMPLEMENTED", answered.promise);
});

Deno.test("an error that the receiver throws ends the transport with a DISCONNECT", async () => {
  await using pair = await readyPair();
  const { client, server } = pair;
  const error = new ProtocolError("a message is cut short");
  client.receive((message) => {
    if (message[0] === CHANNEL_DATA) throw error;
  });
  server.receive(() => {});
  server.send(messageOf(randomBytes(1)));
  assertEquals(await client.ended, { how: "error", error });
  await client.closed;
  assertEquals(await server.ended, {
    how: "disconnect",
    reason: 2,
    text: "a message is cut short",
  });
});

Deno.test("close() writes what is queued, sends DISCONNECT, and is idempotent", async () => {
  await using pair = await readyPair();
  const { client, server } = pair;
  const received: number[] = [];
  server.receive((message) => void received.push(message.length));
  client.receive(() => {});
  for (let i = 0; i < 20; i++) client.send(messageOf(randomBytes(32_000)));
  const closing = [client.close(), client.close()];
  client.send(messageOf(randomBytes(1))); // too late
  assertEquals(await client.ended, { how: "closed" });
  const end = await server.ended;
  assertEquals(end, { how: "disconnect", reason: 11, text: "" });
  await Promise.all(closing);
  assertEquals(received.filter((size) => size === 32_001).length, 20);
});

Deno.test("close() during a key exchange sends the held messages before DISCONNECT", async () => {
  await using pair = await readyPair();
  const { client, server } = pair;
  const queue = new MessageQueue(server);
  client.receive(() => {});
  client.rekey();
  client.send(messageOf(Uint8Array.of(1, 2, 3)));
  assert(client.congested);
  const closed = client.close();
  assertEquals(
    await queue.nextOf(CHANNEL_DATA),
    Uint8Array.of(CHANNEL_DATA, 1, 2, 3),
  );
  assertEquals((await server.ended).how, "disconnect");
  await closed;
});

Deno.test("close() does not wait for a side that takes no part in it", async () => {
  await using pair = await readyPair();
  const { client, streams } = pair;
  streams.server.read = () => new Promise(() => {});
  client.receive(() => {});
  await within(10_000, "close()", client.close());
});

Deno.test("destroy() ends both sides", async () => {
  await using pair = await readyPair();
  pair.server.receive(() => {});
  pair.client.destroy();
  assertEquals(await pair.client.ended, { how: "closed" });
  assertEquals(await pair.server.ended, { how: "eof" });
  await pair.client.drained();
  pair.client.send(Uint8Array.of(CHANNEL_DATA)); // does nothing
});

Deno.test("ready rejects with what verifyHostKey threw, and nothing but the key exchange was sent", async () => {
  const refused = new Error("not this key");
  await using pair = await startPair({
    client: { verifyHostKey: () => Promise.reject(refused) },
  });
  const { client, server } = pair;
  assertEquals(await assertRejects(() => client.ready, Error), refused);
  assertEquals(await client.ended, { how: "error", error: refused });
  // The reason is not sent to the server.
  assertEquals(await server.ended, { how: "disconnect", reason: 11, text: "" });
  assertEquals(client.sessionId, new Uint8Array());
});

Deno.test("a server that goes while the user decides about its key is seen at once", async () => {
  const asked = Promise.withResolvers<void>();
  await using pair = await startPair({
    client: {
      verifyHostKey() {
        asked.resolve();
        return new Promise(() => {});
      },
    },
  });
  await asked.promise;
  pair.server.destroy();
  await assertRejects(() => pair.client.ready, ProtocolError);
  assertEquals((await pair.client.ended).how, "eof");
});

Deno.test("sides that have nothing in common say so", async () => {
  await using pair = await startPair({
    client: { algorithms: { ...uncompressed, cipher: ["aes128-ctr"] } },
    server: { algorithms: { ...uncompressed, cipher: ["aes256-ctr"] } },
  });
  const { message } = await assertRejects(
    () => pair.client.ready,
    ProtocolError,
  );
  assert(message.includes("no ciphers to the server in common"), message);
});

Deno.test("writers wait while the output is congested, and continue afterwards", async () => {
  await using pair = await readyPair();
  const { client, server, streams } = pair;
  const { read } = streams.server;
  const goOn = Promise.withResolvers<void>();
  streams.server.read = async (room) => {
    await goOn.promise;
    return read(room);
  };
  server.receive(() => {});
  client.receive(() => {});
  for (let i = 0; i < 32; i++) client.send(messageOf(randomBytes(32_768)));
  assert(client.congested);
  let drained = false;
  const waiting = client.drained().then(() => drained = true);
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert(!drained);
  goOn.resolve();
  await waiting;
  assert(!client.congested);
});

Deno.test("all messages of one turn leave in one write", async () => {
  await using pair = await readyPair();
  const { client, streams } = pair;
  pair.server.receive(() => {});
  client.receive(() => {});
  await new Promise((resolve) => setTimeout(resolve, 0));
  const writes: number[] = [];
  const { write } = streams.client;
  streams.client.write = (bytes) => {
    writes.push(bytes.length);
    return write(bytes);
  };
  const before = client.bytesSent;
  for (let i = 0; i < 50; i++) client.send(messageOf(randomBytes(100)));
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(writes, [client.bytesSent - before]);
});

Deno.test("identification and KEXINIT leave at once, and keys take two round trips", async () => {
  await using pair = await startPair();
  const { client, server, streams } = pair;
  await new Promise<void>((resolve) => process.nextTick(resolve)); // the end of this turn
  for (const { incoming } of Object.values(streams)) {
    assert(incoming.written > 900, "KEXINIT waits for something");
  }
  /** Whose turn it was to write, each turn once. */
  const turns: string[] = [];
  for (const name of ["client", "server"] as const) {
    const { write } = streams[name];
    streams[name].write = (bytes) => {
      if (turns.at(-1) !== name) turns.push(name);
      return write(bytes);
    };
  }
  await Promise.all([client.ready, server.ready]);
  // The client's share, the server's with NEWKEYS, the client's NEWKEYS.
  assertEquals(turns, ["client", "server", "client"]);
});

Deno.test("zlib@openssh.com begins after the login, also after new keys", async () => {
  await using pair = await startLoggedIn({
    algorithms: { compression: ["zlib@openssh.com"] },
  });
  const { client, server } = pair;
  for (const [from, to] of [[client, server], [server, client]] as const) {
    const queue = new MessageQueue(to);
    const send = async () => {
      const before = from.bytesSent;
      from.send(Uint8Array.of(CHANNEL_DATA), new Uint8Array(30_000).fill(7));
      assertEquals((await queue.nextOf(CHANNEL_DATA)).length, 30_001);
      return from.bytesSent - before;
    };
    assert(await send() < 500);
    from.rekey();
    await from.drained();
    assert(await send() < 500);
  }
});

/** Waits until no key exchange is under way on either side. */
async function settled(...transports: MessageTransport[]): Promise<void> {
  for (const transport of transports) await transport.drained();
}

Deno.test("new keys do not change the session", async () => {
  await using pair = await readyPair();
  const { client, server } = pair;
  const before = client.sessionId.slice();
  const queue = new MessageQueue(client);
  server.receive(() => {});
  client.rekey();
  await settled(client, server);
  server.rekey();
  await settled(client, server);
  server.send(messageOf(Uint8Array.of(5)));
  assertEquals(
    await queue.nextOf(CHANNEL_DATA),
    Uint8Array.of(CHANNEL_DATA, 5),
  );
  assertEquals(client.sessionId, before);
  assertEquals(server.sessionId, before);
});

Deno.test("a DISCONNECT is seen even if there is no receiver yet", async () => {
  await using pair = await readyPair();
  const { client, server } = pair;
  server.send(messageOf(Uint8Array.of(1)));
  await server.close();
  assertEquals(await client.ended, {
    how: "disconnect",
    reason: 11,
    text: "",
  });
});
