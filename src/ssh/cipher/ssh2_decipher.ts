import { Buffer } from "node:buffer";
import { ChaCha20Poly1305, MAX_LENGTH, TAG_SIZE } from "./chacha20_poly1305.ts";
import { LENGTH_SIZE } from "./packet_cipher.ts";

/** What of ssh2's own decipher is taken over. */
export interface NativeDecipher {
  /** The sequence number of the next packet. */
  readonly inSeqno: number;
  /** Takes what is decrypted. */
  readonly _onPayload: PayloadHandler;
  /** The key for packets. */
  readonly _decKeyMain: Uint8Array;
  /** The key for their lengths. */
  readonly _decKeyPktLen: Uint8Array;
}

/** Takes a payload. What it returns, unless undefined, ends the call of `decrypt`; false stands for the offset reached. */
export type PayloadHandler = (payload: Buffer) => number | false | undefined;

/** The number of the message (RFC 4254 section 9). */
const CHANNEL_DATA = 94;

/**
 * Decrypts what ssh2 receives, in the place of its ChaChaPolyDecipherNative.
 *
 * The payload of SSH_MSG_CHANNEL_DATA is good only while it is handled: who
 * takes the data copies it ({@linkcode ReceiveQueue} does). All others may be kept.
 */
export class Ssh2Decipher {
  /** The sequence number of the next packet; ssh2 resets it at NEWKEYS. */
  inSeqno: number;
  /** Takes the payloads; ssh2 names another one for a key exchange. */
  _onPayload: PayloadHandler;

  readonly #aead: ChaCha20Poly1305;
  readonly #length = new Uint8Array(LENGTH_SIZE);
  /** Collects a packet that comes in pieces: first its length, then all of it. */
  #packet: Uint8Array = this.#length;
  #collected = 0;
  /** Where the whole of it goes: each packet overwrites the one before. */
  #room = new Uint8Array();
  #freed = false;

  /** Takes over from ssh2's own, whose keys are copied. */
  constructor(native: NativeDecipher) {
    this.inSeqno = native.inSeqno;
    this._onPayload = native._onPayload;
    this.#aead = new ChaCha20Poly1305(
      native._decKeyMain,
      native._decKeyPktLen,
    );
  }

  /**
   * Decrypts the packets of `data` from `offset` to `end`.
   *
   * @returns the offset to go on from with another decipher, if not all was taken.
   * @throws if a length cannot be, or a packet is not authentic.
   */
  decrypt(
    data: Uint8Array,
    offset: number,
    end: number,
  ): number | undefined {
    while (offset < end && !this.#freed) {
      let packet = this.#wholePacket(data.subarray(offset, end));
      if (packet) {
        offset += packet.length;
      } else {
        offset += this.#collect(data.subarray(offset, end));
        packet = this.#collectedPacket();
        if (!packet) continue;
      }
      const result = this._onPayload(this.#open(packet));
      if (result !== undefined) return result === false ? offset : result;
    }
    return undefined;
  }

  /** Forgets the key; what was received after that is not looked at. */
  free(): void {
    this.#freed = true;
    this.#aead.free();
  }

  /** The packet at the start of `data`, if all of it is there. */
  #wholePacket(
    data: Uint8Array,
  ): Uint8Array | undefined {
    if (this.#collected > 0 || data.length < LENGTH_SIZE) return undefined;
    const size = this.#sizeOf(data.subarray(0, LENGTH_SIZE));
    return size <= data.length ? data.subarray(0, size) : undefined;
  }

  /** Collects what is at the start of `data`; returns how many bytes. */
  #collect(data: Uint8Array): number {
    const part = data.subarray(0, this.#packet.length - this.#collected);
    this.#packet.set(part, this.#collected);
    this.#collected += part.length;
    if (this.#collected === LENGTH_SIZE) {
      const size = this.#sizeOf(this.#length);
      if (this.#room.length < size) this.#room = new Uint8Array(size);
      this.#packet = this.#room.subarray(0, size);
      this.#packet.set(this.#length);
    }
    return part.length;
  }

  /** The packet that was collected, if all of it is there. */
  #collectedPacket(): Uint8Array | undefined {
    if (this.#collected < this.#packet.length) return undefined;
    const packet = this.#packet;
    this.#packet = this.#length;
    this.#collected = 0;
    return packet;
  }

  /** The size of a packet with length and tag, from its encrypted length. */
  #sizeOf(encrypted: Uint8Array): number {
    const length = this.#aead.decryptLength(this.inSeqno, encrypted);
    if (length < 8 || length > MAX_LENGTH || length % 8 !== 0) {
      throw new Error("Bad packet length");
    }
    return LENGTH_SIZE + length + TAG_SIZE;
  }

  /** Decrypts a packet to its payload. */
  #open(packet: Uint8Array): Buffer {
    const body = this.#aead.open(this.inSeqno, packet);
    if (!body) throw new Error("Invalid MAC");
    this.inSeqno = (this.inSeqno + 1) >>> 0;
    const size = body.length - 1 - body[0]!;
    if (size < 0) throw new Error("Bad padding length");
    const payload = Buffer.from(body.buffer, body.byteOffset + 1, size);
    return payload[0] === CHANNEL_DATA ? payload : Buffer.from(payload);
  }
}
