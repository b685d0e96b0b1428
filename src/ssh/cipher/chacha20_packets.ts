import { ChaCha20Poly1305, TAG_SIZE } from "./chacha20_poly1305.ts";
import {
  type CipherKeys,
  LENGTH_SIZE,
  type OpeningKey,
  type PacketCipher,
  type SealingKey,
} from "./packet_cipher.ts";

const KEY_SIZE = 32;
const BLOCK = 8;

/** `chacha20-poly1305@openssh.com`, in WebAssembly. */
export const chacha20Packets: PacketCipher = {
  keySize: 2 * KEY_SIZE,
  ivSize: 0,
  blockSize: BLOCK,
  isAuthenticated: true,
  isSupported: () => ChaCha20Poly1305.isSupported(),
  prepare: () => ChaCha20Poly1305.prepare(),
  sealingKey: (keys) => new ChaCha20SealingKey(keys),
  openingKey: (keys) => new ChaCha20OpeningKey(keys),
};

abstract class ChaCha20Key {
  readonly blockSize = BLOCK;
  readonly padsLength = false;
  readonly tagSize = TAG_SIZE;
  protected readonly aead: ChaCha20Poly1305;

  constructor({ key }: CipherKeys) {
    this.aead = new ChaCha20Poly1305(
      key.subarray(0, KEY_SIZE),
      key.subarray(KEY_SIZE),
    );
  }

  wipe(): void {
    this.aead.free();
  }
}

class ChaCha20SealingKey extends ChaCha20Key implements SealingKey {
  readonly room: Uint8Array = this.aead.room;

  seal(sequence: number, packet: Uint8Array, out: Uint8Array): void {
    out.set(this.aead.seal(sequence, packet));
  }
}

class ChaCha20OpeningKey extends ChaCha20Key implements OpeningKey {
  readonly headSize = LENGTH_SIZE;

  openLength(sequence: number, head: Uint8Array): number {
    return this.aead.decryptLength(sequence, head);
  }

  open(sequence: number, packet: Uint8Array): Uint8Array | undefined {
    return this.aead.open(sequence, packet);
  }
}
