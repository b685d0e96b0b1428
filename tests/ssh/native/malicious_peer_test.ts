/** Peers that break the protocol at each stage are refused, with an error that says how. */
import { ProtocolError } from "../../../src/errors.ts";
import {
  IdentificationError,
  type MessageTransport,
} from "../../../src/ssh/message_transport.ts";
import { assert, assertRejects } from "../../assert.ts";
import { watchEventLoop } from "../../watch_event_loop.ts";
import { randomBytes } from "../ssh2_crypto.ts";
import type { ScriptedPeer } from "./scripted_peer.ts";
import { attack, failure, hostKey, otherKey, untilKeys } from "./attack.ts";
import { MessageNumber } from "../../../src/ssh/messages/message_number.ts";
import { KEX_ECDH_INIT, KEX_ECDH_REPLY } from "./kex/kex_numbers.ts";

const {
  CHANNEL_DATA,
  EXT_INFO,
  GLOBAL_REQUEST,
  IGNORE,
  KEXINIT,
  NEWKEYS,
  SERVICE_ACCEPT,
  USERAUTH_SUCCESS,
} = MessageNumber;

/** An attack's script, and the expected error. */
interface Script {
  name: string;
  options?: Parameters<typeof attack>[0];
  run(peer: ScriptedPeer, victim: MessageTransport): Promise<void> | void;
  error: RegExp;
  type?: abstract new (...args: never[]) => Error;
}

/** An unencrypted packet with exactly these fields. */
function plain(length: number, padding: number, body: Uint8Array): Uint8Array {
  const packet = new Uint8Array(5 + body.length);
  new DataView(packet.buffer).setUint32(0, length);
  packet[4] = padding;
  packet.set(body, 5);
  return packet;
}

/** What the error says of a message that the protocol does not allow at that point. */
function isOutOfTurn(number: number): RegExp {
  return new RegExp(`message ${number} is not allowed`);
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
    name: "never ends its lines before the identification",
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
    ["NEWKEYS", NEWKEYS],
    ["a message of a key exchange", KEX_ECDH_REPLY],
    ["EXT_INFO", EXT_INFO],
    ["SERVICE_ACCEPT", SERVICE_ACCEPT],
    ["USERAUTH_SUCCESS", USERAUTH_SUCCESS],
    ["channel data", CHANNEL_DATA],
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
      peer.send([IGNORE, 0, 0, 0, 0]);
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
    error: isOutOfTurn(KEXINIT),
  },
  {
    name: "sends a KEXINIT that is cut short",
    run: async (peer) => {
      await peer.identify();
      peer.send([KEXINIT, ...randomBytes(16), 0, 0, 1, 0, 65]);
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
      peer.send([NEWKEYS]);
    },
    error: isOutOfTurn(NEWKEYS),
  },
  ...([
    "IGNORE",
    "UNIMPLEMENTED",
    "DEBUG",
    "SERVICE_REQUEST",
    "EXT_INFO",
    "USERAUTH_REQUEST",
    "CHANNEL_DATA",
  ] as const).map((name): Script => ({
    name: `injects ${name} under strict key exchange`,
    run: async (peer) => {
      await peer.identify();
      peer.sendKexInit();
      peer.send([MessageNumber[name], 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    },
    error: isOutOfTurn(MessageNumber[name]),
  })),
  ...([
    "SERVICE_REQUEST",
    "EXT_INFO",
    "USERAUTH_REQUEST",
    "CHANNEL_DATA",
  ] as const).map((name): Script => ({
    name: `injects ${name} without strict key exchange`,
    options: { strict: false },
    run: async (peer) => {
      await peer.identify();
      peer.sendKexInit();
      peer.send([MessageNumber[name], 0, 0, 0, 0]);
    },
    error: isOutOfTurn(MessageNumber[name]),
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
    name: "stalls after its KEXINIT",
    options: { exchangeTimeoutMs: 50 },
    run: async (peer) => {
      await peer.identify();
      peer.sendKexInit();
    },
    error: /did not complete its part of the key exchange within 50 ms/,
  },
  {
    name: "sends nothing",
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
    error: isOutOfTurn(KEX_ECDH_REPLY),
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
      peer.send([NEWKEYS]);
    },
    error: isOutOfTurn(NEWKEYS),
  },
  {
    name:
      "injects data between its answer and NEWKEYS, without strict key exchange",
    options: { strict: false },
    run: async (peer) => {
      const { send } = await untilReply(peer);
      peer.send(send);
      peer.send([CHANNEL_DATA, 0, 0, 0, 0]);
    },
    error: isOutOfTurn(CHANNEL_DATA),
  },
  {
    name:
      "injects IGNORE between its answer and NEWKEYS, under strict key exchange",
    run: async (peer) => {
      const { send } = await untilReply(peer);
      peer.send(send);
      peer.send([IGNORE, 0, 0, 0, 0]);
    },
    error: isOutOfTurn(IGNORE),
  },
  {
    name: "continues without encryption after NEWKEYS",
    run: async (peer, victim) => {
      victim.receive(() => {});
      const { send } = await untilReply(peer);
      peer.send(send);
      peer.send([NEWKEYS]);
      peer.send([USERAUTH_SUCCESS, ...new Array(40).fill(0)]);
    },
    error: /packet/,
  },
  {
    name: "never sends NEWKEYS",
    options: { exchangeTimeoutMs: 1000 },
    run: async (peer) => {
      const { send } = await untilReply(peer);
      peer.send(send);
    },
    error: /did not complete its part/,
  },
];

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
      peer.send([NEWKEYS]);
    },
    error: isOutOfTurn(NEWKEYS),
  },
  {
    name: "sends a message of a key exchange that was not started",
    run: async (peer, victim) => {
      await untilKeys(peer, victim);
      peer.send([KEX_ECDH_REPLY, 0, 0, 0, 0]);
    },
    error: isOutOfTurn(KEX_ECDH_REPLY),
  },
  {
    name: "sends data between its KEXINIT and NEWKEYS",
    run: async (peer, victim) => {
      await untilKeys(peer, victim);
      peer.sendKexInit();
      peer.send([CHANNEL_DATA, 0, 0, 0, 0]);
    },
    error: isOutOfTurn(CHANNEL_DATA),
  },
  {
    name: "does not answer our KEXINIT",
    options: { exchangeTimeoutMs: 1000 },
    run: async (peer, victim) => {
      await untilKeys(peer, victim);
      victim.rekey();
    },
    error: /did not complete its part of the key exchange within 1000 ms/,
  },
  {
    name: "asks on and on while it does not answer our KEXINIT",
    run: async (peer, victim) => {
      await untilKeys(peer, victim);
      victim.receive(() => victim.send(new Uint8Array(1000)));
      victim.rekey();
      for (let i = 0; i < 5000; i++) peer.send([GLOBAL_REQUEST, 1]);
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
    name: "sends lines before its identification",
    run: (peer) => peer.raw("hello\r\nSSH-2.0-x\r\n"),
    error: /does not speak SSH 2/,
    type: IdentificationError,
  },
  ...(["SERVICE_REQUEST", "USERAUTH_REQUEST", "CHANNEL_DATA"] as const).map((
    name,
  ): Script => ({
    name: `begins with ${name}`,
    run: async (peer) => {
      await peer.identify();
      peer.send([MessageNumber[name], 0, 0, 0, 0]);
    },
    error: isOutOfTurn(MessageNumber[name]),
  })),
  {
    name: "sends its share twice",
    run: async (peer) => {
      await peer.identify();
      peer.sendKexInit();
      await peer.takeKexInit();
      peer.send([KEX_ECDH_INIT, 0, 0, 0, 32, ...randomBytes(32)]);
    },
    error: isOutOfTurn(KEX_ECDH_INIT),
  },
  {
    name: "sends a share of zeros",
    run: async (peer) => {
      await peer.identify();
      peer.sendKexInit();
      peer.send([KEX_ECDH_INIT, 0, 0, 0, 32, ...new Uint8Array(32)]);
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
