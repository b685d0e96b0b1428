/** What a transport accepts, drops and bounds, whatever its peer sends. */
import fc from "fast-check";
import { ProtocolError } from "../../../src/errors.ts";
import { MacError } from "../../../src/ssh/native/packets/packet_reader.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { fuzzAsync } from "../../fuzz.ts";
import { watchEventLoop } from "../../watch_event_loop.ts";
import { within } from "../../within.ts";
import { uncompressed } from "./transport_pair.ts";
import { attack, failure, otherKey, untilKeys } from "./attack.ts";
import { DisconnectReason } from "../../../src/ssh/messages/transport_messages.ts";
import { MessageNumber } from "../../../src/ssh/messages/message_number.ts";
import { KEX_ECDH_INIT, KEX_ECDH_REPLY } from "./kex/kex_numbers.ts";

const { CHANNEL_DATA, DEBUG, DISCONNECT, GLOBAL_REQUEST, IGNORE } =
  MessageNumber;

Deno.test("a server that sends lines before its identification is accepted", async () => {
  await using set = attack();
  const { peer, victim } = set;
  peer.raw("Welcome\r\n\nto this server\n");
  await peer.identify();
  await peer.exchangeKeys();
  await victim.ready;
  assertEquals(victim.peerVersion, "SSH-2.0-scripted");
});

Deno.test("IGNORE and DEBUG are accepted anywhere without strict key exchange", async () => {
  await using set = attack({ strict: false });
  const { peer, victim } = set;
  const ignore = [IGNORE, 0, 0, 0, 0];
  const debug = [DEBUG, 1, 0, 0, 0, 1, 65, 0, 0, 0, 0];
  await peer.identify();
  peer.send(ignore);
  peer.sendKexInit();
  peer.send(debug);
  await peer.takeKexInit();
  const { send, shared } = await peer.takeKexMessage();
  peer.send(ignore);
  peer.send(send);
  peer.send(debug);
  peer.sendNewKeys(shared);
  await peer.takeNewKeys(shared);
  await victim.ready;
  assertEquals(victim.negotiated.strictKex, false);
});

Deno.test("under strict key exchange sequence numbers begin again with each NEWKEYS", async () => {
  await using set = attack();
  const { peer, victim } = set;
  await untilKeys(peer, victim);
  // The peer restarts its sequence numbers each time: its packets would not be authentic otherwise.
  for (let i = 0; i < 3; i++) {
    peer.send([IGNORE, 0, 0, 0, 0]);
    const [received, done] = [
      Promise.withResolvers<void>(),
      peer.exchangeKeys(),
    ];
    victim.receive((message) =>
      void (message[0] === CHANNEL_DATA && received.resolve())
    );
    await done;
    peer.send([CHANNEL_DATA, i]);
    await received.promise;
  }
});

Deno.test("the first message of a key exchange that was guessed wrongly is dropped, a right one is used", async () => {
  for (const isRight of [false, true]) {
    await using set = attack({ role: "client" });
    const { peer, victim } = set;
    await peer.identify();
    // Right only if both sides' first choices are the same.
    const [first = ""] = uncompressed.kex;
    const guess = { guessFollows: true };
    if (isRight) {
      peer.sendKexInit({ ...guess, kex: [first] });
    } else {
      peer.sendKexInit(guess);
      peer.send([KEX_ECDH_INIT, 0, 0, 0, 4, 1, 2, 3, 4]);
    }
    await peer.takeKexInit(); // sends the first message
    const { shared } = await peer.takeKexMessage();
    peer.sendNewKeys(shared);
    await peer.takeNewKeys(shared);
    await victim.ready;
  }
});

Deno.test("a server that shows another host key in a later key exchange is refused", async () => {
  await using set = attack();
  const { peer, victim } = set;
  await untilKeys(peer, victim);
  peer.hostKeys = [otherKey];
  peer.exchangeKeys().catch(() => {});
  const error = await failure(victim);
  assert(/another host key than before/.test(error.message), error.message);
});

Deno.test("nothing that waits for the keys leaves for a server whose host key is refused", async () => {
  await using set = attack({
    verifyHostKey: () => Promise.reject(new Error("not this key")),
  });
  const { peer, victim } = set;
  victim.send(new TextEncoder().encode("2a secret"));
  await peer.identify();
  peer.sendKexInit();
  await peer.takeKexInit();
  const { send, shared } = await peer.takeKexMessage();
  peer.send(send);
  peer.sendNewKeys(shared);
  // All that comes can be read without keys: a DISCONNECT is the end of it.
  assertEquals((await peer.next())[0], DISCONNECT);
  await assertRejects(() => peer.next(), Error);
});

Deno.test("a packet with a wrong tag ends with a MacError, and DISCONNECT says so", async () => {
  await using set = attack();
  const { peer, victim } = set;
  await untilKeys(peer, victim);
  peer.sendBroken([CHANNEL_DATA, 1, 2, 3]);
  assert(await failure(victim) instanceof MacError);
  for (;;) {
    const message = await peer.next();
    if (message[0] !== DISCONNECT) continue;
    assertEquals(message[4], DisconnectReason.MAC_ERROR);
    break;
  }
});

Deno.test("ignored messages use no memory, however many arrive", async () => {
  using _ = watchEventLoop();
  await using set = attack();
  const { peer, victim } = set;
  await untilKeys(peer, victim);
  const ignore = new Uint8Array(32 * 1024);
  ignore[0] = IGNORE;
  const before = victim.bytesReceived;
  for (let i = 0; i < 1000; i++) {
    peer.send(ignore);
    await peer.flushed();
    // In memory all of it would be one turn of the event loop.
    if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const seen = Promise.withResolvers<void>();
  victim.receive((message) =>
    void (message[0] === CHANNEL_DATA && seen.resolve())
  );
  peer.send([CHANNEL_DATA]);
  await seen.promise;
  assert(victim.bytesReceived - before > 32_000_000);
  assertEquals(victim.congested, false);
});

Deno.test("a peer that does not read answers is read no further than 8 MiB of them", async () => {
  using _ = watchEventLoop();
  await using set = attack();
  const { peer, victim, stream } = set;
  await untilKeys(peer, victim);
  victim.receive((message) => victim.send(message));
  stream.write = () => new Promise(() => {});
  const before = victim.bytesSent;
  const question = new Uint8Array(32 * 1024).fill(GLOBAL_REQUEST);
  const queued = () => victim.bytesSent - before;
  const isFull = async () => {
    while (queued() <= 8 * 2 ** 20) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    return true;
  };
  const full = isFull();
  let isStuck = false;
  for (let i = 0; i < 1000 && !isStuck; i++) {
    peer.send(question);
    isStuck = await Promise.race([peer.flushed().then(() => false), full]);
  }
  assert(isStuck, "all of it was read");
  assert(queued() < 9 * 2 ** 20, `${queued()} bytes`);
});

fuzzAsync(
  "any messages in any order, at any stage, end with a typed error or do nothing",
  1 / 10,
  [
    fc.integer({ min: 0, max: 4 }),
    fc.boolean(),
    fc.array(
      fc.tuple(
        fc.oneof(
          fc.constantFrom(
            ...Object.values(MessageNumber),
            KEX_ECDH_INIT,
            KEX_ECDH_REPLY,
          ),
          fc.nat(255),
        ),
        fc.uint8Array({ maxLength: 100 }),
      ),
      { minLength: 1, maxLength: 6 },
    ),
  ],
  async (stage, strict, messages) => {
    await using set = attack({ strict });
    const { peer, victim } = set;
    victim.receive((message) => message[0]! < 128);
    if (stage > 0) await peer.identify();
    if (stage > 1) peer.sendKexInit();
    if (stage > 2) await peer.takeKexInit();
    if (stage > 3) {
      const { send, shared } = await peer.takeKexMessage();
      peer.send(send);
      peer.sendNewKeys(shared);
      await peer.takeNewKeys(shared);
    }
    for (const [number, body] of messages) peer.send([number, ...body]);
    await peer.flushed();
    peer.close();
    const end = await within(10_000, "an end", victim.ended);
    if (end.how !== "error") return;
    const { error } = end;
    const isBroken = error instanceof Deno.errors.BrokenPipe;
    assert(error instanceof ProtocolError || isBroken, String(error));
  },
);
