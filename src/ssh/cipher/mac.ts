import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";

/** A message authentication code as it is negotiated (RFC 4253 section 6.4, RFC 6668). */
export interface Mac {
  readonly hash: "sha1" | "sha256" | "sha512";
  readonly keySize: number;
  readonly tagSize: number;
  /** Whether it authenticates the encrypted packet (`-etm@openssh.com`); the length is not encrypted then. */
  readonly isEncryptThenMac: boolean;
}

/** The MACs of the native engine by name, best first. */
export const macs: ReadonlyMap<string, Mac> = new Map([
  ["hmac-sha2-256-etm@openssh.com", hmac("sha256", 32, true)],
  ["hmac-sha2-512-etm@openssh.com", hmac("sha512", 64, true)],
  ["hmac-sha1-etm@openssh.com", hmac("sha1", 20, true)],
  ["hmac-sha2-256", hmac("sha256", 32, false)],
  ["hmac-sha2-512", hmac("sha512", 64, false)],
  ["hmac-sha1", hmac("sha1", 20, false)],
]);

function hmac(hash: Mac["hash"], size: number, isEncryptThenMac: boolean): Mac {
  return { hash, keySize: size, tagSize: size, isEncryptThenMac };
}

/** Computes and verifies the tags of one direction. */
export class MacKey {
  readonly #hash: Mac["hash"];
  readonly #key: Uint8Array;
  readonly #sequence = Buffer.alloc(4);
  #wiped = false;

  /** Copies the key. */
  constructor(mac: Mac, key: Uint8Array) {
    if (key.length !== mac.keySize) {
      throw new RangeError(`a key of ${mac.hash} has ${mac.keySize} bytes`);
    }
    this.#hash = mac.hash;
    this.#key = key.slice();
  }

  tag(sequence: number, packet: Uint8Array): Uint8Array {
    if (this.#wiped) throw new TypeError("the key was wiped");
    this.#sequence.writeUInt32BE(sequence);
    return createHmac(this.#hash, this.#key).update(this.#sequence)
      .update(packet).digest();
  }

  /** Whether that is the packet's tag; takes the same time either way. */
  verify(sequence: number, packet: Uint8Array, tag: Uint8Array): boolean {
    return timingSafeEqual(this.tag(sequence, packet), tag);
  }

  /** Wipes the key. */
  wipe(): void {
    this.#wiped = true;
    this.#key.fill(0);
  }
}
