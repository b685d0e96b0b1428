/** What a transport does when the other side does not keep to the protocol, at each stage. */
import fc from "fast-check";
import { ProtocolError } from "../../../src/errors.ts";
import { silentLogger } from "../../../src/logger.ts";
import {
  IdentificationError,
  type MessageTransport,
} from "../../../src/ssh/message_transport.ts";
import { startNativeTransport } from "../../../src/ssh/native/native_transport.ts";
import type { Role } from "../../../src/ssh/native/exchange/negotiation.ts";
import { MacError } from "../../../src/ssh/native/packets/packet_reader.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { fuzzAsync } from "../../fuzz.ts";
import { within } from "../../within.ts";
import { randomBytes } from "../ssh2_crypto.ts";
import { newEd25519Key } from "./message_session.ts";
import { ScriptedPeer } from "./scripted_peer.ts";
import { type StreamEnd, streamPair } from "./packets/stream_pair.ts";
import { uncompressed } from "./transport_pair.ts";

const hostKey = await newEd25519Key();
const otherKey = await newEd25519Key();

/** A transport under attack. */
interface Attack extends AsyncDisposable {
  peer: ScriptedPeer;
  victim: MessageTransport;
  stream: StreamEnd;
}

/** Starts the victim in the other role than its attacker's. */
function attack(
  {
    role = "server",
    strict = true,
    exchangeTimeoutMs = 60_000,
    verifyHostKey = () => Promise.resolve(),
  }: {
    role?: Role;
    strict?: boolean;
    exchangeTimeoutMs?: number;
    verifyHostKey?: () => Promise<void>;
  } = {},
): Attack {
  const [stream, peerStream] = streamPair();
  const common = {
    stream,
    algorithms: uncompressed,
    exchangeTimeoutMs,
    logger: silentLogger,
  };
  const victim = startNativeTransport(
    role === "server"
      ? {
        ...common,
        role: "client",
        verifyHostKey,
      }
      : { ...common, role: "server", hostKeys: [hostKey] },
  );
  const peer = new ScriptedPeer(peerStream, {
    role,
    strict,
    hostKeys: [hostKey],
  });
  return {
    peer,
    victim,
    stream,
    async [Symbol.asyncDispose]() {
      peer.close();
      victim.destroy();
      await victim.closed;
    },
  };
}

/** Processor time of this thread, in milliseconds; where the system does not say, the time of day. */
function threadTime(): number {
  try {
    const stat = Deno.readTextFileSync("/proc/thread-self/schedstat");
    return Number(stat.split(" ")[0]) / 1e6;
  } catch {
    return performance.now();
  }
}

/** Fails if the event loop was held for more than 100 ms of processor time. */
function watchEventLoop(): Disposable {
  let last = threadTime();
  let longest = 0;
  const look = () => {
    const now = threadTime();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const timer = setInterval(look, 2);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      look();
      assert(longest < 100, `the event loop was held for ${longest} ms`);
    },
  };
}

/** The error that the victim ends with, in time. */
async function failure(victim: MessageTransport): Promise<Error> {
  const end = await within(5000, "an end", victim.ended);
  assertEquals(end.how, "error");
  await within(5000, "a closed stream", victim.closed);
  return (end as { error: Error }).error;
}

/** An attack's script, and what the error has to say. */
interface Script {
  name: string;
  options?: Parameters<typeof attack>[0];
  run(peer: ScriptedPeer, victim: MessageTransport): Promise<void> | void;
  error: RegExp;
  type?: abstract new (...args: never[]) => Error;
}

/** A packet whose fields are as they are given, without encryption. */
function plain(length: number, padding: number, body: Uint8Array): Uint8Array {
  const packet = new Uint8Array(5 + body.length);
  new DataView(packet.buffer).setUint32(0, length);
  packet[4] = padding;
  packet.set(body, 5);
  return packet;
}

const beforeKeys: Script[] = [
  ...["HTTP/1.1 400 Bad Request\r\n".repeat(2000), "\x00".repeat(20_000)].map(
    (text, i): Script => ({
      name: `says ${["something else without end", "bytes without a line"][i]}`,
      run: (peer) => peer.raw(text),
      error: /does not speak SSH 2/,
      type: IdentificationError,
    }),
  ),
  {
    name: "goes on saying lines",
    run: async (peer, victim) => {
      let isOver = false;
      victim.ended.then(() => isOver = true);
      for (let i = 0; !isOver && i < 1000; i++) {
        peer.raw(`${"x".repeat(8000)}\n`);
        await peer.flushed();
      }
      for (let i = 0; !isOver && i < 100; i++) {
        peer.raw("y\n".repeat(1000));
        await peer.flushed();
      }
    },
    error: /does not speak SSH 2/,
    type: IdentificationError,
  },
  ...[
    "SSH-1.5-old",
    "SSH-2.0",
    "SSH-2.0-\x1b[2J",
    `SSH-2.0-${"x".repeat(300)}`,
  ].map((line): Script => ({
    name: `identifies itself as ${JSON.stringify(line.slice(0, 20))}`,
    run: (peer) => peer.raw(`${line}\r\n`),
    error: /does not speak SSH 2/,
    type: IdentificationError,
  })),
  ...[
    ["NEWKEYS", 21],
    ["a message of a key exchange", 31],
    ["EXT_INFO", 7],
    ["SERVICE_ACCEPT", 6],
    ["USERAUTH_SUCCESS", 52],
    ["channel data", 94],
    ["a number that is unknown", 200],
  ].map(([what, number]): Script => ({
    name: `begins with ${what}`,
    run: async (peer) => {
      await peer.identify();
      peer.send([number as number, 0, 0, 0, 0]);
    },
    error: /not allowed at this point of the key exchange/,
  })),
  {
    name: "sends IGNORE before KEXINIT under strict key exchange",
    run: async (peer) => {
      await peer.identify();
      peer.send([2, 0, 0, 0, 0]);
      peer.sendKexInit();
    },
    error: /preceded KEXINIT, which strict key exchange forbids/,
  },
  {
    name: "sends KEXINIT twice",
    run: async (peer) => {
      await peer.identify();
      peer.sendKexInit();
      peer.sendKexInit();
    },
    error: /message 20 is not allowed/,
  },
  {
    name: "sends a KEXINIT that is cut short",
    run: async (peer) => {
      await peer.identify();
      peer.send([20, ...randomBytes(16), 0, 0, 1, 0, 65]);
    },
    error: /cut short/,
  },
  {
    name: "sends a KEXINIT with 100,000 names",
    run: async (peer) => {
      await peer.identify();
      peer.sendKexInit({ kex: Array.from({ length: 100_000 }, () => "a") });
    },
    error: /has 100000 entries/,
  },
  {
    name: "sends KEXINIT with nothing in common",
    run: async (peer) => {
      await peer.identify();
      peer.sendKexInit({ kex: ["diffie-hellman-group1-sha1"] });
    },
    error: /no key exchanges in common/,
  },
  {
    name: "sends NEWKEYS before the keys are agreed on",
    run: async (peer) => {
      await peer.identify();
      peer.sendKexInit();
      peer.send([21]);
    },
    error: /message 21 is not allowed/,
  },
  ...[2, 3, 4, 5, 7, 50, 94].map((number): Script => ({
    name: `injects message ${number} under strict key exchange`,
    run: async (peer) => {
      await peer.identify();
      peer.sendKexInit();
      peer.send([number, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    },
    error: new RegExp(`message ${number} is not allowed`),
  })),
  ...[5, 7, 50, 94].map((number): Script => ({
    name: `injects message ${number} without strict key exchange`,
    options: { strict: false },
    run: async (peer) => {
      await peer.identify();
      peer.sendKexInit();
      peer.send([number, 0, 0, 0, 0]);
    },
    error: new RegExp(`message ${number} is not allowed`),
  })),
  ...[
    ["of no bytes", plain(0, 0, new Uint8Array(12))],
    ["of 4 GiB", plain(2 ** 32 - 4, 4, new Uint8Array(12))],
    ["larger than may be", plain(256 * 1024 + 4, 4, new Uint8Array(100))],
    ["that ends within a block", plain(13, 4, new Uint8Array(12))],
    ["that is nothing but padding", plain(12, 11, new Uint8Array(11))],
    ["with less padding than may be", plain(12, 3, new Uint8Array(11))],
    ["with more padding than it has bytes", plain(12, 255, new Uint8Array(11))],
  ].map(([what, packet]): Script => ({
    name: `sends a packet ${what}`,
    run: async (peer) => {
      await peer.identify();
      peer.raw(packet as Uint8Array);
    },
    error: /bytes/,
  })),
  {
    name: "says nothing more after its KEXINIT",
    options: { exchangeTimeoutMs: 50 },
    run: async (peer) => {
      await peer.identify();
      peer.sendKexInit();
    },
    error: /did not complete its part of the key exchange within 50 ms/,
  },
  {
    name: "says nothing at all",
    options: { exchangeTimeoutMs: 50 },
    run: () => {},
    error: /did not complete its part of the key exchange within 50 ms/,
  },
];

/** Takes part up to the server's answer. */
async function untilReply(peer: ScriptedPeer) {
  await peer.identify();
  peer.sendKexInit();
  await peer.takeKexInit();
  return await peer.takeKexMessage();
}

const duringKeys: Script[] = [
  {
    name: "signs something else",
    run: async (peer) => {
      const { send } = await untilReply(peer);
      send[send.length - 1]! ^= 1;
      peer.send(send);
    },
    error: /signature is not valid/,
  },
  {
    name: "shows a host key that it did not sign with",
    run: async (peer) => {
      const { send } = await untilReply(peer);
      const at = 1 + 4 + otherKey.blob.length - 32;
      send.set(otherKey.blob.subarray(-32), at);
      peer.send(send);
    },
    error: /signature is not valid|not a point/,
  },
  {
    name: "answers with a share of zeros",
    run: async (peer) => {
      const { send } = await untilReply(peer);
      const at = 1 + 4 + hostKey.blob.length + 4;
      send.fill(0, at, at + 32);
      peer.send(send);
    },
    error: /./,
  },
  {
    name: "answers twice",
    run: async (peer) => {
      const { send } = await untilReply(peer);
      peer.send(send);
      peer.send(send);
    },
    error: /message 31 is not allowed/,
  },
  {
    name: "answers with a message that is cut short",
    run: async (peer) => {
      const { send } = await untilReply(peer);
      peer.send(send.subarray(0, 60));
    },
    error: /./,
  },
  {
    name: "sends NEWKEYS instead of its answer",
    run: async (peer) => {
      await untilReply(peer);
      peer.send([21]);
    },
    error: /message 21 is not allowed/,
  },
  {
    name:
      "injects data between its answer and NEWKEYS, without strict key exchange",
    options: { strict: false },
    run: async (peer) => {
      const { send } = await untilReply(peer);
      peer.send(send);
      peer.send([94, 0, 0, 0, 0]);
    },
    error: /message 94 is not allowed/,
  },
  {
    name:
      "injects IGNORE between its answer and NEWKEYS, under strict key exchange",
    run: async (peer) => {
      const { send } = await untilReply(peer);
      peer.send(send);
      peer.send([2, 0, 0, 0, 0]);
    },
    error: /message 2 is not allowed/,
  },
  {
    name: "goes on without encryption after NEWKEYS",
    run: async (peer, victim) => {
      victim.receive(() => {});
      const { send } = await untilReply(peer);
      peer.send(send);
      peer.send([21]);
      peer.send([52, ...new Array(40).fill(0)]);
    },
    error: /packet/,
  },
  {
    name: "never sends NEWKEYS",
    options: { exchangeTimeoutMs: 200 },
    run: async (peer) => {
      const { send } = await untilReply(peer);
      peer.send(send);
    },
    error: /did not complete its part/,
  },
];

/** Takes part until both sides have keys. */
async function untilKeys(peer: ScriptedPeer, victim: MessageTransport) {
  await peer.identify();
  await peer.exchangeKeys();
  await victim.ready;
  victim.receive(() => {});
}

const afterKeys: Script[] = [
  {
    name: "changes a packet",
    run: async (peer, victim) => {
      await untilKeys(peer, victim);
      peer.raw(randomBytes(64));
    },
    // The length, which is encrypted apart, is as random.
    error: /invalid length|not authentic/,
  },
  {
    name: "sends NEWKEYS again",
    run: async (peer, victim) => {
      await untilKeys(peer, victim);
      peer.send([21]);
    },
    error: /message 21 is not allowed/,
  },
  {
    name: "sends a message of a key exchange that was not started",
    run: async (peer, victim) => {
      await untilKeys(peer, victim);
      peer.send([31, 0, 0, 0, 0]);
    },
    error: /message 31 is not allowed/,
  },
  {
    name: "sends data between its KEXINIT and NEWKEYS",
    run: async (peer, victim) => {
      await untilKeys(peer, victim);
      peer.sendKexInit();
      peer.send([94, 0, 0, 0, 0]);
    },
    error: /message 94 is not allowed/,
  },
  {
    name: "does not answer our KEXINIT",
    options: { exchangeTimeoutMs: 100 },
    run: async (peer, victim) => {
      await untilKeys(peer, victim);
      victim.rekey();
    },
    error: /did not complete its part of the key exchange within 100 ms/,
  },
  {
    name: "asks on and on while it does not answer our KEXINIT",
    run: async (peer, victim) => {
      await untilKeys(peer, victim);
      victim.receive(() => victim.send(new Uint8Array(1000)));
      victim.rekey();
      for (let i = 0; i < 5000; i++) peer.send([80, 1]);
    },
    error: /too many replies while it stalls/,
  },
];

for (const script of [...beforeKeys, ...duringKeys, ...afterKeys]) {
  Deno.test(`a server that ${script.name} is refused`, async () => {
    using _ = watchEventLoop();
    await using set = attack(script.options);
    await script.run(set.peer, set.victim);
    const error = await failure(set.victim);
    assert(error instanceof (script.type ?? ProtocolError), String(error));
    assert(script.error.test(error.message), error.message);
    if (beforeKeys.includes(script)) {
      await assertRejects(() => set.victim.ready, ProtocolError);
    }
  });
}

const byClients: Script[] = [
  {
    name: "says something before its identification",
    run: (peer) => peer.raw("hello\r\nSSH-2.0-x\r\n"),
    error: /does not speak SSH 2/,
    type: IdentificationError,
  },
  ...[5, 50, 94].map((number): Script => ({
    name: `begins with message ${number}`,
    run: async (peer) => {
      await peer.identify();
      peer.send([number, 0, 0, 0, 0]);
    },
    error: new RegExp(`message ${number} is not allowed`),
  })),
  {
    name: "sends its share twice",
    run: async (peer) => {
      await peer.identify();
      peer.sendKexInit();
      await peer.takeKexInit();
      peer.send([30, 0, 0, 0, 32, ...randomBytes(32)]);
    },
    error: /message 30 is not allowed/,
  },
  {
    name: "sends a share of zeros",
    run: async (peer) => {
      await peer.identify();
      peer.sendKexInit();
      peer.send([30, 0, 0, 0, 32, ...new Uint8Array(32)]);
    },
    error: /./,
  },
];

for (const script of byClients) {
  Deno.test(`a client that ${script.name} is refused`, async () => {
    using _ = watchEventLoop();
    await using set = attack({ ...script.options, role: "client" });
    await script.run(set.peer, set.victim);
    const error = await failure(set.victim);
    assert(error instanceof (script.type ?? ProtocolError), String(error));
    assert(script.error.test(error.message), error.message);
  });
}

Deno.test("a server that says lines before its identification is accepted", async () => {
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
  const ignore = [2, 0, 0, 0, 0];
  const debug = [4, 1, 0, 0, 0, 1, 65, 0, 0, 0, 0];
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
  // The peer counts anew each time: what it sends could not be opened otherwise.
  for (let i = 0; i < 3; i++) {
    peer.send([2, 0, 0, 0, 0]);
    const [received, done] = [
      Promise.withResolvers<void>(),
      peer.exchangeKeys(),
    ];
    victim.receive((message) => void (message[0] === 94 && received.resolve()));
    await done;
    peer.send([94, i]);
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
      peer.send([30, 0, 0, 0, 4, 1, 2, 3, 4]);
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
  assertEquals((await peer.next())[0], 1);
  await assertRejects(() => peer.next(), Error);
});

Deno.test("a packet with a wrong tag ends with a MacError, and DISCONNECT says so", async () => {
  await using set = attack();
  const { peer, victim } = set;
  await untilKeys(peer, victim);
  peer.sendBroken([94, 1, 2, 3]);
  assert(await failure(victim) instanceof MacError);
  for (;;) {
    const message = await peer.next();
    if (message[0] !== 1) continue;
    assertEquals(message[4], 5); // MAC_ERROR
    break;
  }
});

Deno.test("messages to be dropped take no memory, however many there are", async () => {
  using _ = watchEventLoop();
  await using set = attack();
  const { peer, victim } = set;
  await untilKeys(peer, victim);
  const ignore = new Uint8Array(32 * 1024);
  ignore[0] = 2;
  const before = victim.bytesReceived;
  for (let i = 0; i < 1000; i++) {
    peer.send(ignore);
    await peer.flushed();
    // In memory all of it would be one turn of the event loop.
    if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const seen = Promise.withResolvers<void>();
  victim.receive((message) => void (message[0] === 94 && seen.resolve()));
  peer.send([94]);
  await seen.promise;
  assert(victim.bytesReceived - before > 32_000_000);
  assertEquals(victim.congested, false);
});

Deno.test("a peer that takes no answers is read no further than 8 MiB of them", async () => {
  using _ = watchEventLoop();
  await using set = attack();
  const { peer, victim, stream } = set;
  await untilKeys(peer, victim);
  victim.receive((message) => victim.send(message));
  stream.write = () => new Promise(() => {});
  const before = victim.bytesSent;
  const question = new Uint8Array(32 * 1024).fill(80);
  let isStuck = false;
  for (let i = 0; i < 1000 && !isStuck; i++) {
    peer.send(question);
    isStuck = await Promise.race([
      peer.flushed().then(() => false),
      new Promise<boolean>((resolve) => setTimeout(resolve, 200, true)),
    ]);
  }
  assert(isStuck, "all of it was read");
  const queued = victim.bytesSent - before;
  assert(queued > 8 * 2 ** 20 && queued < 9 * 2 ** 20, `${queued} bytes`);
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
          fc.constantFrom(1, 2, 3, 4, 7, 20, 21, 30, 31, 52, 94),
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
    const end = await within(5000, "an end", victim.ended);
    if (end.how !== "error") return;
    const { error } = end;
    const isBroken = error instanceof Deno.errors.BrokenPipe;
    assert(error instanceof ProtocolError || isBroken, String(error));
  },
);
