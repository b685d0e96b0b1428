import { createHash, type Hash } from "node:crypto";
import { forward } from "../../../mod.ts";
import { accelerate } from "../../../src/ssh/cipher/accelerate.ts";
import { ChaCha20Poly1305 } from "../../../src/ssh/cipher/chacha20_poly1305.ts";
import { Ssh2Cipher } from "../../../src/ssh/cipher/ssh2_cipher.ts";
import { Ssh2Decipher } from "../../../src/ssh/cipher/ssh2_decipher.ts";
import { assert, assertEquals } from "../../assert.ts";
import { startRig, startService, visit } from "../../forward/rig.ts";
import { serverTest } from "../../servers/availability.ts";
import { nativeCipher, nativeDecipher, randomBytes } from "../ssh2_crypto.ts";

/** The fields of ssh2's protocol that are replaced. */
interface Fields {
  _cipher: unknown;
  _decipher: unknown;
}

function accelerated(
  fields: Partial<Fields> = {},
  socket = { dataIsKept: true },
): Partial<Fields> {
  accelerate(fields, socket);
  return fields;
}

const cipher = () => nativeCipher(randomBytes(64), 7, () => {});
const decipher = () => nativeDecipher(randomBytes(64), 9, () => undefined);

Deno.test("accelerate() replaces ciphers and deciphers each time that they are assigned", () => {
  const protocol = accelerated();
  for (let i = 0; i < 2; i++) {
    protocol._cipher = cipher();
    assert(protocol._cipher instanceof Ssh2Cipher);
    assertEquals(protocol._cipher.outSeqno, 7);
    protocol._decipher = decipher();
    assert(protocol._decipher instanceof Ssh2Decipher);
    assertEquals(protocol._decipher.inSeqno, 9);
  }
});

Deno.test("accelerate() has the socket use its buffers again as long as the decipher keeps nothing", () => {
  const socket = { dataIsKept: true };
  const protocol = accelerated({}, socket);
  assert(socket.dataIsKept);
  for (const [assigned, kept] of [[decipher(), false], [{}, true]] as const) {
    protocol._decipher = assigned;
    assertEquals(socket.dataIsKept, kept);
  }
});

Deno.test("accelerate() wipes the keys of what it replaces", () => {
  const protocol = accelerated();
  const native = { cipher: cipher(), decipher: decipher() };
  protocol._cipher = native.cipher;
  protocol._decipher = native.decipher;
  for (
    const key of [
      native.cipher._encKeyMain,
      native.cipher._encKeyPktLen,
      native.decipher._decKeyMain,
      native.decipher._decKeyPktLen,
    ]
  ) assert(key.every((byte) => byte === 0));
});

Deno.test("accelerate() leaves all others as they are", () => {
  const first = {};
  const protocol = accelerated({ _cipher: first, _decipher: undefined });
  assert(protocol._cipher === first);
  assertEquals(protocol._decipher, undefined);

  const { _encKeyMain, ...keyless } = cipher();
  const others = [
    undefined,
    null,
    {},
    keyless,
    { ...cipher(), outSeqno: "7" },
    { ...cipher(), _onWrite: undefined },
    { ...cipher(), _encKeyMain: new Uint8Array(16) },
    { ...decipher(), _decKeyPktLen: undefined },
    { ...decipher(), inSeqno: undefined },
    { ...decipher(), _onPayload: undefined },
  ];
  for (const other of others) {
    protocol._cipher = other;
    assert(protocol._cipher === other);
    protocol._decipher = other;
    assert(protocol._decipher === other);
  }
});

Deno.test("accelerate() leaves ssh2's own where WebAssembly cannot do it", () => {
  const { isSupported } = ChaCha20Poly1305;
  ChaCha20Poly1305.isSupported = () => false;
  try {
    const protocol = accelerated();
    const native = cipher();
    protocol._cipher = native;
    assert(protocol._cipher === native);
  } finally {
    ChaCha20Poly1305.isSupported = isSupported;
  }
});

/** Counts what goes through ChaCha20Poly1305, until it is disposed of. */
function watchAead() {
  const { seal, open } = ChaCha20Poly1305.prototype;
  const used = new Set<ChaCha20Poly1305>();
  const bytes = { sealed: 0, opened: 0 };
  ChaCha20Poly1305.prototype.seal = function (sequence, packet) {
    used.add(this);
    bytes.sealed += packet.length;
    return seal.call(this, sequence, packet);
  };
  ChaCha20Poly1305.prototype.open = function (sequence, sealed) {
    used.add(this);
    bytes.opened += sealed.length;
    return open.call(this, sequence, sealed);
  };
  return {
    used,
    bytes,
    [Symbol.dispose]() {
      Object.assign(ChaCha20Poly1305.prototype, { seal, open });
    },
  };
}

const SIZE = 50 * 1024 * 1024;
const PIECES = randomBytes(1024 * 1024);

/** Writes SIZE bytes and ends; returns the digest. */
async function sendAll(conn: Deno.Conn): Promise<string> {
  const hash = createHash("sha256");
  for (let sent = 0; sent < SIZE;) {
    // From another place each time, so that nothing that is lost looks like its neighbour.
    const at = sent % 65521;
    const piece = PIECES.subarray(at, at + Math.min(200_003, SIZE - sent));
    const n = await conn.write(piece);
    hash.update(piece.subarray(0, n));
    sent += n;
  }
  await conn.closeWrite();
  return hash.digest("hex");
}

/** Reads to the end; returns the digest. */
async function receiveAll(conn: Deno.Conn): Promise<string> {
  const hash: Hash = createHash("sha256");
  const buffer = new Uint8Array(256 * 1024);
  for (let n; (n = await conn.read(buffer)) !== null;) {
    hash.update(buffer.subarray(0, n));
  }
  return hash.digest("hex");
}

serverTest(
  "sshd",
  "accelerate() carries 50 MiB each way at once, through a key exchange for each MiB",
  async () => {
    using watched = watchAead();
    await using rig = await startRig("sshd", {
      sshd: { config: ["RekeyLimit 1M"] },
      algorithms: { cipher: ["chacha20-poly1305@openssh.com"] },
    });
    const there = Promise.withResolvers<[string, string]>();
    await using service = startService(async (conn) => {
      there.resolve(await Promise.all([sendAll(conn), receiveAll(conn)]));
    });
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: service.port },
    });
    using client = await visit(tunnel.port);
    const [sent, received] = await Promise.all([
      sendAll(client),
      receiveAll(client),
    ]);
    const [sentThere, receivedThere] = await there.promise;

    assertEquals(receivedThere, sent);
    assertEquals(received, sentThere);
    assert(watched.bytes.sealed > SIZE, `${watched.bytes.sealed} sealed`);
    assert(watched.bytes.opened > SIZE, `${watched.bytes.opened} opened`);
    assert(watched.used.size > 20, `${watched.used.size} keys`);
  },
);
