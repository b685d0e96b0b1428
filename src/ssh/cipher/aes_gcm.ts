import { createCipheriv, createDecipheriv } from "node:crypto";
import {
  type CipherKeys,
  LENGTH_SIZE,
  lengthOf,
  type OpeningKey,
  type PacketCipher,
  type SealingKey,
} from "./packet_cipher.ts";

const BLOCK = 16;
const TAG_SIZE = 16;
const NONCE_SIZE = 12;

/** `aes128-gcm@openssh.com` and `aes256-gcm@openssh.com` (RFC 5647, OpenSSH's PROTOCOL). */
export function aesGcm(bits: 128 | 256): PacketCipher {
  const name = `aes-${bits}-gcm` as const;
  return {
    keySize: bits / 8,
    ivSize: NONCE_SIZE,
    blockSize: BLOCK,
    isAuthenticated: true,
    isSupported: () => true,
    sealingKey: (keys) => new GcmSealingKey(name, keys),
    openingKey: (keys) => new GcmOpeningKey(name, keys),
  };
}

type GcmName = "aes-128-gcm" | "aes-256-gcm";

/** The key, and the nonce with its own counter, which is not the sequence number. */
abstract class GcmKey {
  readonly blockSize = BLOCK;
  readonly padsLength = false;
  readonly tagSize = TAG_SIZE;
  protected readonly name: GcmName;
  readonly #key: Uint8Array;
  readonly #nonce: Uint8Array;
  readonly #counter: DataView;
  #wiped = false;

  constructor(name: GcmName, keys: CipherKeys) {
    this.name = name;
    this.#key = keys.key.slice();
    const nonce = keys.iv.slice();
    this.#nonce = nonce;
    this.#counter = new DataView(nonce.buffer, nonce.byteOffset + 4, 8);
  }

  wipe(): void {
    this.#wiped = true;
    this.#key.fill(0);
    this.#nonce.fill(0);
  }

  protected get key(): Uint8Array {
    if (this.#wiped) throw new TypeError("the key was wiped");
    return this.#key;
  }

  /** The nonce of the next packet. */
  protected nextNonce(): Uint8Array {
    const nonce = this.#nonce.slice();
    const counter = this.#counter;
    counter.setBigUint64(0, counter.getBigUint64(0) + 1n);
    return nonce;
  }
}

class GcmSealingKey extends GcmKey implements SealingKey {
  seal(_sequence: number, packet: Uint8Array, out: Uint8Array): void {
    const { key } = this;
    const cipher = createCipheriv(this.name, key, this.nextNonce());
    cipher.setAAD(packet.subarray(0, LENGTH_SIZE));
    out.set(packet.subarray(0, LENGTH_SIZE));
    out.set(cipher.update(packet.subarray(LENGTH_SIZE)), LENGTH_SIZE);
    cipher.final();
    out.set(cipher.getAuthTag(), packet.length);
  }
}

class GcmOpeningKey extends GcmKey implements OpeningKey {
  readonly headSize = LENGTH_SIZE;

  openLength(_sequence: number, head: Uint8Array): number {
    return lengthOf(head);
  }

  open(_sequence: number, packet: Uint8Array): Uint8Array | undefined {
    const { key } = this;
    const end = packet.length - TAG_SIZE;
    const cipher = createDecipheriv(this.name, key, this.nextNonce());
    cipher.setAAD(packet.subarray(0, LENGTH_SIZE));
    cipher.setAuthTag(packet.subarray(end));
    const body = cipher.update(packet.subarray(LENGTH_SIZE, end));
    try {
      cipher.final();
    } catch {
      return undefined; // It is not authentic: nothing else can fail here.
    }
    return body;
  }
}
