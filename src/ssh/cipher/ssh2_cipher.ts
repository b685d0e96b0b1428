import { Buffer } from "node:buffer";
import { ChaCha20Poly1305 } from "./chacha20_poly1305.ts";
import { LENGTH_SIZE } from "./packet_cipher.ts";

/** What of ssh2's own cipher is taken over. */
export interface NativeCipher {
  /** The sequence number of the next packet. */
  readonly outSeqno: number;
  /** Takes what is encrypted. */
  readonly _onWrite: (data: Uint8Array) => void;
  /** The key for packets. */
  readonly _encKeyMain: Uint8Array;
  /** The key for their lengths. */
  readonly _encKeyPktLen: Uint8Array;
}

/** Padding makes what follows the length field a multiple of this (RFC 4253 section 6). */
const BLOCK = 8;
const MIN_PADDING = 4;

/**
 * Encrypts what ssh2 sends, in the place of its ChaChaPolyCipherNative.
 *
 * Each packet is written in one piece that is good only during the call.
 */
export class Ssh2Cipher {
  /** The sequence number of the next packet; ssh2 resets it at NEWKEYS. */
  outSeqno: number;

  readonly #write: (data: Uint8Array) => void;
  readonly #aead: ChaCha20Poly1305;
  /** Lent to ssh2 for one packet at a time, as 32 KiB anew for each cost 3 us. */
  #buffer: Buffer = Buffer.allocUnsafeSlow(1024);
  #lent = false;
  #freed = false;

  /** Takes over from ssh2's own, whose keys are copied. */
  constructor(native: NativeCipher) {
    this.outSeqno = native.outSeqno;
    this.#write = native._onWrite;
    this.#aead = new ChaCha20Poly1305(
      native._encKeyMain,
      native._encKeyPktLen,
    );
  }

  /** A packet with length and padding, whose payload of that size ssh2 fills in at offset 5. */
  allocPacket(payloadSize: number): Buffer {
    const unpadded = 1 + payloadSize;
    const padding = MIN_PADDING +
      (BLOCK - (unpadded + MIN_PADDING) % BLOCK) % BLOCK;
    const packet = this.#borrow(LENGTH_SIZE + unpadded + padding);
    packet.writeUInt32BE(unpadded + padding);
    packet[LENGTH_SIZE] = padding;
    crypto.getRandomValues(packet.subarray(-padding));
    return packet;
  }

  /** Encrypts a packet and writes it. */
  encrypt(packet: Buffer): void {
    if (packet.buffer === this.#buffer.buffer) this.#lent = false;
    if (this.#freed) return;
    const sealed = this.#aead.seal(this.outSeqno, packet);
    this.outSeqno = (this.outSeqno + 1) >>> 0;
    this.#write(sealed);
  }

  /** Forgets the key. */
  free(): void {
    this.#freed = true;
    this.#aead.free();
  }

  #borrow(size: number): Buffer {
    if (this.#lent) return Buffer.allocUnsafeSlow(size);
    if (this.#buffer.length < size) this.#buffer = Buffer.allocUnsafeSlow(size);
    this.#lent = true;
    return this.#buffer.subarray(0, size);
  }
}
