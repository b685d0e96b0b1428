import { createCipheriv } from "node:crypto";
import { type Mac, MacKey } from "./mac.ts";
import {
  type CipherKeys,
  LENGTH_SIZE,
  lengthOf,
  type OpeningKey,
  type PacketCipher,
  type SealingKey,
} from "./packet_cipher.ts";

const BLOCK = 16;

/** `aes128-ctr`, `aes192-ctr` and `aes256-ctr` (RFC 4344) with a MAC, encrypt-and-MAC or encrypt-then-MAC (OpenSSH's PROTOCOL). */
export function aesCtr(bits: 128 | 192 | 256): PacketCipher {
  const name = `aes-${bits}-ctr`;
  return {
    keySize: bits / 8,
    ivSize: BLOCK,
    blockSize: BLOCK,
    isAuthenticated: false,
    isSupported: () => true,
    sealingKey(keys, mac) {
      const used = needed(mac);
      return used.isEncryptThenMac
        ? new EncryptThenMacSealingKey(name, keys, used)
        : new EncryptAndMacSealingKey(name, keys, used);
    },
    openingKey(keys, mac) {
      const used = needed(mac);
      return used.isEncryptThenMac
        ? new EncryptThenMacOpeningKey(name, keys, used)
        : new EncryptAndMacOpeningKey(name, keys, used);
    },
  };
}

function needed(mac: Mac | undefined): Mac {
  if (!mac) throw new TypeError("AES-CTR needs a MAC");
  return mac;
}

/** A key stream that continues from packet to packet, and a MAC. */
abstract class CtrKey {
  readonly blockSize = BLOCK;
  readonly padsLength: boolean;
  readonly tagSize: number;
  protected readonly mac: MacKey;
  /** Encrypts and decrypts alike. */
  protected readonly stream: ReturnType<typeof createCipheriv>;
  #wiped = false;

  constructor(name: string, keys: CipherKeys, mac: Mac) {
    this.padsLength = !mac.isEncryptThenMac;
    this.tagSize = mac.tagSize;
    this.mac = new MacKey(mac, keys.macKey);
    this.stream = createCipheriv(name, keys.key, keys.iv);
  }

  wipe(): void {
    this.mac.wipe();
    if (this.#wiped) return;
    this.#wiped = true;
    this.stream.final(); // Deno holds its state until then.
  }
}

class EncryptThenMacSealingKey extends CtrKey implements SealingKey {
  seal(sequence: number, packet: Uint8Array, out: Uint8Array): void {
    const end = packet.length;
    const body = this.stream.update(packet.subarray(LENGTH_SIZE));
    out.set(packet.subarray(0, LENGTH_SIZE));
    out.set(body, LENGTH_SIZE);
    out.set(this.mac.tag(sequence, out.subarray(0, end)), end);
  }
}

class EncryptThenMacOpeningKey extends CtrKey implements OpeningKey {
  readonly headSize = LENGTH_SIZE;

  openLength(_sequence: number, head: Uint8Array): number {
    return lengthOf(head);
  }

  open(sequence: number, packet: Uint8Array): Uint8Array | undefined {
    const end = packet.length - this.tagSize;
    const tag = packet.subarray(end);
    const sealed = packet.subarray(0, end);
    if (!this.mac.verify(sequence, sealed, tag)) return undefined;
    return this.stream.update(packet.subarray(LENGTH_SIZE, end));
  }
}

class EncryptAndMacSealingKey extends CtrKey implements SealingKey {
  seal(sequence: number, packet: Uint8Array, out: Uint8Array): void {
    const tag = this.mac.tag(sequence, packet);
    out.set(this.stream.update(packet));
    out.set(tag, packet.length);
  }
}

class EncryptAndMacOpeningKey extends CtrKey implements OpeningKey {
  readonly headSize = BLOCK;

  openLength(_sequence: number, head: Uint8Array): number {
    head.set(this.stream.update(head));
    return lengthOf(head);
  }

  open(sequence: number, packet: Uint8Array): Uint8Array | undefined {
    const end = packet.length - this.tagSize;
    const rest = packet.subarray(BLOCK, end);
    if (rest.length > 0) rest.set(this.stream.update(rest));
    const tag = packet.subarray(end);
    const isAuthentic = this.mac.verify(sequence, packet.subarray(0, end), tag);
    return isAuthentic ? packet.subarray(LENGTH_SIZE, end) : undefined;
  }
}
