import { createHash } from "node:crypto";
import type { CipherKeys } from "../../cipher/packet_cipher.ts";
import type { KexHash } from "../kex/kex_method.ts";

/** Names of the hashes in node:crypto. */
const nodeNames = {
  "SHA-256": "sha256",
  "SHA-384": "sha384",
  "SHA-512": "sha512",
} as const;

/** Hashes the concatenation of the parts. */
export function hashOf(
  hash: KexHash,
  ...parts: readonly Uint8Array[]
): Uint8Array {
  const digest = createHash(nodeNames[hash]);
  for (const part of parts) digest.update(part);
  return new Uint8Array(digest.digest());
}

/** The result of a key exchange, from which keys are derived (RFC 4253 section 7.2). */
export interface SharedSecret {
  /** The hash of the key exchange method. */
  readonly hash: KexHash;
  /** K, encoded as it is hashed. */
  readonly secret: Uint8Array;
  /** H. */
  readonly exchangeHash: Uint8Array;
}

/** The letters of RFC 4253 section 7.2 for IV, encryption key and integrity key. */
const letters = { toServer: "ACE", toClient: "BDF" } as const;

/** Derives the keys of one direction (RFC 4253 section 7.2). The caller wipes them after use. */
export function deriveKeys(
  shared: SharedSecret,
  sessionId: Uint8Array,
  direction: "toServer" | "toClient",
  sizes: { iv: number; key: number; macKey: number },
): CipherKeys {
  const [iv, key, macKey] = [...letters[direction]].map((letter) =>
    letter.charCodeAt(0)
  ) as [number, number, number];
  return {
    iv: derive(shared, sessionId, iv, sizes.iv),
    key: derive(shared, sessionId, key, sizes.key),
    macKey: derive(shared, sessionId, macKey, sizes.macKey),
  };
}

function derive(
  { hash, secret, exchangeHash }: SharedSecret,
  sessionId: Uint8Array,
  letter: number,
  size: number,
): Uint8Array {
  const key = new Uint8Array(size);
  const first = Uint8Array.of(letter);
  for (let length = 0; length < size;) {
    const block = length === 0
      ? hashOf(hash, secret, exchangeHash, first, sessionId)
      : hashOf(hash, secret, exchangeHash, key.subarray(0, length));
    key.set(block.subarray(0, size - length), length);
    length += block.length;
    block.fill(0);
  }
  return key;
}
