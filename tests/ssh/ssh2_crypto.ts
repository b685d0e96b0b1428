/** ssh2's own chacha20-poly1305, to compare with. */
import "../../src/testing/npm_ssh2.ts"; // first: it keeps ssh2 from leaking ciphers
import { Buffer } from "node:buffer";
import crypto from "npm:ssh2@1.17.0/lib/protocol/crypto.js";

interface Ssh2Crypto {
  init: Promise<void>;
  CIPHER_INFO: Record<string, object>;
  createCipher(config: object): Cipher;
  createDecipher(config: object): Decipher;
}

/** What ssh2 calls of a cipher. */
export interface Cipher {
  outSeqno: number;
  allocPacket(payloadSize: number): Buffer;
  encrypt(packet: Buffer): void;
  free(): void;
}

/** What ssh2 calls of a decipher. */
export interface Decipher {
  inSeqno: number;
  decrypt(data: Uint8Array, offset: number, end: number): number | undefined;
  free(): void;
}

const { init, CIPHER_INFO, createCipher, createDecipher } =
  crypto as Ssh2Crypto;
await init;
const info = CIPHER_INFO["chacha20-poly1305@openssh.com"];

/** A cipher as ssh2 makes it at NEWKEYS. */
export function nativeCipher(
  key: Uint8Array,
  seqno: number,
  onWrite: (data: Uint8Array) => void,
): Cipher {
  const cipherKey = Buffer.from(key);
  return createCipher({
    outbound: { cipherInfo: info, cipherKey, seqno, onWrite },
  });
}

/** A decipher as ssh2 makes it at NEWKEYS. */
export function nativeDecipher(
  key: Uint8Array,
  seqno: number,
  onPayload: (payload: Buffer) => number | false | undefined,
): Decipher {
  const decipherKey = Buffer.from(key);
  return createDecipher({
    inbound: { decipherInfo: info, decipherKey, seqno, onPayload },
  });
}

/** A packet that ssh2 encrypts, from its unencrypted form with length and padding. */
export function sealedByNative(
  key: Uint8Array,
  seqno: number,
  packet: Uint8Array,
): Buffer {
  const written: Uint8Array[] = [];
  nativeCipher(key, seqno, (data) => written.push(data))
    .encrypt(Buffer.from(packet));
  return Buffer.concat(written);
}

/** A payload with length and padding (RFC 4253 section 6). */
export function packetOf(payload: Uint8Array): Buffer {
  const padding = 8 - (1 + payload.length + 4) % 8 + 4;
  const packet = Buffer.alloc(4 + 1 + payload.length + padding, 0xaa);
  packet.writeUInt32BE(packet.length - 4);
  packet[4] = padding;
  packet.set(payload, 5);
  return packet;
}

/** That many random bytes. */
export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  // Web Crypto gives no more at once.
  for (let at = 0; at < length; at += 65536) {
    globalThis.crypto.getRandomValues(bytes.subarray(at, at + 65536));
  }
  return bytes;
}

/** A random sequence number. */
export function randomSequence(): number {
  const [sequence = 0] = globalThis.crypto.getRandomValues(new Uint32Array(1));
  return sequence;
}
