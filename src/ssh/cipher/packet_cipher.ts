import type { Mac } from "./mac.ts";

/** Bytes of the length in front of every packet (RFC 4253 section 6). */
export const LENGTH_SIZE = 4;

/** Reads that length. */
export function lengthOf(head: Uint8Array): number {
  return (head[0]! << 24 | head[1]! << 16 | head[2]! << 8 | head[3]!) >>> 0;
}

/** The layout of a packet. */
export interface PacketShape {
  /** Packets are padded to a multiple of this many bytes. */
  readonly blockSize: number;
  /** Whether the length field counts towards that multiple: it does if it is encrypted with the rest. */
  readonly padsLength: boolean;
  /** Bytes of the tag behind the packet. */
  readonly tagSize: number;
}

/** Encrypts and authenticates outgoing packets, with one set of keys. */
export interface SealingKey extends PacketShape {
  /** Memory in which a packet can be assembled for {@linkcode seal}, to save a copy. */
  readonly room?: Uint8Array;
  /**
   * Writes a packet, encrypted and with its tag, to `out`.
   *
   * @param sequence Its sequence number, below 2^32; consecutive, never the same again.
   * @param packet Its length, padding length, payload and padding; in `out`, in {@linkcode room} or elsewhere.
   * @param out Room for the packet and its tag.
   */
  seal(sequence: number, packet: Uint8Array, out: Uint8Array): void;
  /** Wipes the keys; nothing can be sealed after that. */
  wipe(): void;
}

/** Authenticates and decrypts incoming packets, with one set of keys. */
export interface OpeningKey extends PacketShape {
  /** Bytes of a packet that are needed to read its length. */
  readonly headSize: number;
  /**
   * Reads the length of a packet, which is not authentic until the packet is.
   * Called once for each packet, as it may decrypt the head in place.
   */
  openLength(sequence: number, head: Uint8Array): number;
  /**
   * Decrypts a packet, perhaps in place.
   *
   * @param packet The length field, what it counts, and the tag.
   * @returns Padding length, payload and padding, valid until the next call; undefined if the packet is not authentic.
   */
  open(sequence: number, packet: Uint8Array): Uint8Array | undefined;
  /** Wipes the keys; nothing can be opened after that. */
  wipe(): void;
}

/** The keys that RFC 4253 section 7.2 derives for one direction. The caller wipes them. */
export interface CipherKeys {
  /** "Encryption key". */
  readonly key: Uint8Array;
  /** "Initial IV". */
  readonly iv: Uint8Array;
  /** "Integrity key"; empty where the cipher authenticates by itself. */
  readonly macKey: Uint8Array;
}

/** A cipher as it is negotiated. Its keys are copies of what they are made from. */
export interface PacketCipher {
  readonly keySize: number;
  readonly ivSize: number;
  /** The cipher's own block, by which RFC 4344 counts when keys have to be replaced. */
  readonly blockSize: number;
  /** Whether it is an AEAD, which needs no MAC. */
  readonly isAuthenticated: boolean;
  /** Whether the runtime supports it. */
  isSupported(): boolean;
  /** Does the slow part of making the first key ahead of time. */
  prepare?(): void;
  sealingKey(keys: CipherKeys, mac: Mac | undefined): SealingKey;
  openingKey(keys: CipherKeys, mac: Mac | undefined): OpeningKey;
}
