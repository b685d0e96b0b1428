import { createHash } from "node:crypto";
import type {
  MessageTransport,
  RekeyLimit,
} from "../../../../src/ssh/message_transport.ts";
import { assert, assertEquals } from "../../../assert.ts";
import { serverTest } from "../../../servers/availability.ts";
import { startSshd } from "../../../servers/openssh.ts";
import { within } from "../../../within.ts";
import { randomBytes } from "../../ssh2_crypto.ts";
import {
  authorizedKey,
  MessageQueue,
  newEd25519Key,
  throughCat,
} from "../message_session.ts";
import {
  protections,
  startLoggedIn,
  startPair,
  type TransportPair,
  uncompressed,
} from "../transport_pair.ts";
import { MessageNumber } from "../../../../src/ssh/messages/message_number.ts";

const { CHANNEL_DATA, CHANNEL_WINDOW_ADJUST, USERAUTH_REQUEST } = MessageNumber;

const KIB = 1024;
const MIB = 1024 * KIB;
const ALL_COMBINATIONS = Deno.env.has("RFORWARD_ALL_COMBINATIONS");

/** Counts how often each side's keys change, by the names that it is asked for. */
function countExchanges(pair: TransportPair): () => number {
  // Each NEWKEYS negotiates again: the object is another one.
  let count = 0;
  let last = pair.client.negotiated;
  return () => {
    if (pair.client.negotiated !== last) count++;
    last = pair.client.negotiated;
    return count;
  };
}

/** Sends that many bytes in messages of changing size; returns their SHA-256. */
async function sendAll(
  transport: MessageTransport,
  size: number,
  onSent?: () => void,
): Promise<string> {
  const hash = createHash("sha256");
  const data = randomBytes(32 * KIB);
  const head = Uint8Array.of(CHANNEL_DATA);
  for (let sent = 0, i = 0; sent < size; i++) {
    const piece = data.subarray(i % 1000, i % 1000 + 1 + (i * 7919) % 30_000)
      .subarray(0, size - sent);
    if (transport.congested) await transport.drained();
    transport.send(head, piece);
    hash.update(piece);
    sent += piece.length;
    onSent?.();
  }
  return hash.digest("hex");
}

/** Takes that many bytes; returns their SHA-256. */
function receiveAll(
  transport: MessageTransport,
  size: number,
): Promise<string> {
  const hash = createHash("sha256");
  const done = Promise.withResolvers<string>();
  let received = 0;
  transport.receive((message) => {
    if (message[0] !== CHANNEL_DATA) return;
    hash.update(message.subarray(1));
    received += message.length - 1;
    if (received === size) done.resolve(hash.digest("hex"));
  });
  transport.ended.then((end) => done.reject(new Error(Deno.inspect(end))));
  return done.promise;
}

/** Both sides send at once; the data has to arrive unchanged. */
async function exchangeData(
  { client, server }: TransportPair,
  size: number,
  onSent?: () => void,
): Promise<void> {
  const received = [receiveAll(server, size), receiveAll(client, size)];
  const sent = [sendAll(client, size, onSent), sendAll(server, size, onSent)];
  assertEquals(await Promise.all(received), await Promise.all(sent));
}

const limits: [string, RekeyLimit, RekeyLimit][] = [64 * KIB, MIB].flatMap(
  (bytes) => {
    const limit = { bytes };
    const name = `${bytes / KIB} KiB`;
    return [
      [`${name} here`, limit, {}],
      [`${name} there`, {}, limit],
      [`${name} on both sides`, limit, limit],
    ] as [string, RekeyLimit, RekeyLimit][];
  },
);

for (const algorithms of protections) {
  const [name] = algorithms.cipher;
  Deno.test(`keys are exchanged under load, ${name}, for each limit on either side and both`, async () => {
    for (const [which, here, there] of limits) {
      await using pair = await startLoggedIn({
        algorithms: { ...algorithms, kex: ["curve25519-sha256"] },
        client: { rekey: here },
        server: { rekey: there },
      });
      const exchanges = countExchanges(pair);
      const size = 4 * MIB;
      await exchangeData(pair, size, exchanges);
      // Data flows between our NEWKEYS and the other side's.
      const bytes = (here.bytes ?? there.bytes ?? Infinity) + MIB;
      const least = Math.floor(size / bytes);
      assert(exchanges() >= least, `${which}: ${exchanges()} exchanges`);
    }
  });
}

Deno.test("both sides begin a key exchange at once", async () => {
  await using pair = await startLoggedIn();
  const { client, server } = pair;
  const exchanges = countExchanges(pair);
  const queues = [new MessageQueue(client), new MessageQueue(server)] as const;
  for (let i = 1; i <= 20; i++) {
    client.rekey();
    server.rekey();
    client.rekey(); // One is under way.
    assert(client.congested && server.congested);
    // What is sent now follows the new keys.
    client.send(Uint8Array.of(CHANNEL_DATA, i));
    server.send(Uint8Array.of(CHANNEL_DATA, i));
    for (const queue of queues) await queue.nextOf(CHANNEL_DATA);
    assertEquals(exchanges(), i);
  }
  await exchangeData(pair, 100_000);
});

Deno.test("every key exchange method can be repeated under load", async () => {
  for (const kex of uncompressed.kex) {
    if (kex.startsWith("diffie-hellman")) continue; // The same code, but slow.
    await using pair = await startLoggedIn({ algorithms: { kex: [kex] } });
    let sent = 0;
    await exchangeData(pair, 300_000, () => {
      if (++sent % 7 === 0) pair.client.rekey();
      if (sent % 11 === 0) pair.server.rekey();
    });
  }
});

Deno.test("a key exchange begins with the message that reaches the limit", async () => {
  const bytes = 64 * KIB;
  await using pair = await startLoggedIn({ client: { rekey: { bytes } } });
  const { client } = pair;
  let sent = 0;
  while (!client.congested) {
    client.send(Uint8Array.of(CHANNEL_DATA), new Uint8Array(1000));
    sent += 1000;
  }
  assert(sent < bytes && sent > bytes - 4000, `${sent}`);
});

Deno.test("data is still accepted between our KEXINIT and the other side's", async () => {
  await using pair = await startLoggedIn();
  const { client, server, streams } = pair;
  const queue = new MessageQueue(client);
  const { read } = streams.server;
  const goOn = Promise.withResolvers<void>();
  streams.server.read = async (room) => {
    await goOn.promise;
    return read(room);
  };
  client.send(Uint8Array.of(CHANNEL_DATA, 0)); // The server's outstanding read takes this.
  await new Promise((resolve) => setTimeout(resolve, 0));
  client.rekey();
  for (let i = 0; i < 10; i++) {
    server.send(Uint8Array.of(CHANNEL_DATA, i));
    assertEquals(
      await queue.nextOf(CHANNEL_DATA),
      Uint8Array.of(CHANNEL_DATA, i),
    );
    assert(client.congested);
  }
  goOn.resolve();
  await client.drained();
});

Deno.test("what is sent during a key exchange follows the new keys, in order", async () => {
  await using pair = await startLoggedIn();
  const { client, server } = pair;
  const queue = new MessageQueue(server);
  client.rekey();
  const before = client.bytesSent;
  for (let i = 0; i < 100; i++) {
    client.send(Uint8Array.of(CHANNEL_WINDOW_ADJUST, i));
  }
  assertEquals(client.bytesSent, before);
  for (let i = 0; i < 100; i++) {
    assertEquals(
      await queue.nextOf(CHANNEL_WINDOW_ADJUST),
      Uint8Array.of(CHANNEL_WINDOW_ADJUST, i),
    );
  }
});

Deno.test("keys are exchanged after the time that was set, without traffic", async () => {
  await using pair = await startLoggedIn({ client: { rekey: { ms: 20 } } });
  const first = pair.client.negotiated;
  const changed = async () => {
    while (pair.client.negotiated === first) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  await within(10_000, "new keys", changed());
});

Deno.test("keys are not exchanged by the engine's own rules before the login", async () => {
  await using pair = await startPair({ client: { rekey: { bytes: 1000 } } });
  const { client, server } = pair;
  await Promise.all([client.ready, server.ready]);
  const before = client.negotiated;
  const queue = new MessageQueue(server);
  client.receive(() => {});
  for (let i = 0; i < 10; i++) {
    client.send(Uint8Array.of(USERAUTH_REQUEST), randomBytes(500));
  }
  for (let i = 0; i < 10; i++) await queue.nextOf(USERAUTH_REQUEST);
  assert(client.negotiated === before);
  assert(!client.congested);
});

serverTest(
  "sshd",
  "keys are exchanged under load with sshd, each cipher, limits of 64 KiB and 1 MiB here, there and on both sides",
  async () => {
    const key = await newEd25519Key();
    const input = randomBytes(5 * MIB / 4);
    for (const there of ["default", "64K", "1M"]) {
      await using sshd = await startSshd({
        config: [`RekeyLimit ${there}`],
        authorizedKeys: [authorizedKey(key)],
      });
      for (const bytes of [64 * KIB, MIB, Infinity]) {
        if (bytes === Infinity && there === "default") continue;
        const isSmall = bytes < MIB || there === "64K";
        const sent = isSmall ? input.subarray(0, MIB / 2) : input;
        // All combinations take a while: `deno task test:rekey`.
        const isShort = !ALL_COMBINATIONS &&
          !(bytes === 64 * KIB && there === "64K");
        for (const algorithms of protections.slice(0, isShort ? 1 : 4)) {
          const output = await throughCat(sshd, key, sent, {
            rekey: { bytes },
            algorithms: {
              ...uncompressed,
              kex: ["curve25519-sha256"],
              ...algorithms,
            },
          });
          assertEquals(digest(output), digest(sent));
        }
      }
    }
  },
);

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
