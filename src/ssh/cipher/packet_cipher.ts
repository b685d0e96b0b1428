import type { Mac } from "./mac.ts";

/** Bytes of the length in front of every packet (RFC 4253 section 6). */
export const LENGTH_SIZE = 4;

/** What both directions need to know of a packet's shape. */
export interface PacketShape {
  /** What is padded is a multiple of this many bytes. */
  readonly blockSize: number;
  /** Whether the length field is padded along: it is where it is encrypted with the rest. */
  readonly padsLength: boolean;
  /** Bytes of the tag behind the packet. */
  readonly tagSize: number;
}

/** Encrypts and authenticates the packets that go out, with one set of keys. */
export interface SealingKey extends PacketShape {
  /** Where a packet may be assembled for {@linkcode seal} so that it need not be copied there. */
  readonly room?: Uint8Array;
  /**
   * Writes a packet, encrypted and with its tag, to `out`.
   *
   * @param sequence Its sequence number, below 2^32. Each is used once, one after the other.
   * @param packet Its length, padding length, payload and padding; in `out`, in {@linkcode room} or anywhere.
   * @param out Has place for the packet and its tag.
   */
  seal(sequence: number, packet: Uint8Array, out: Uint8Array): void;
  /** Forgets the keys; nothing can be sealed after that. */
  wipe(): void;
}

/** Authenticates and decrypts the packets that come in, with one set of keys. */
export interface OpeningKey extends PacketShape {
  /** Bytes of a packet that have to be there before its length can be read. */
  readonly headSize: number;
  /**
   * The length of a packet, not authentic until the packet is. To be called
   * once for each packet, as it may decrypt the head in place.
   */
  openLength(sequence: number, head: Uint8Array): number;
  /**
   * Decrypts a packet, perhaps in place.
   *
   * @param packet The length field, what it counts, and the tag.
   * @returns Padding length, payload and padding, valid until the next call; undefined if the packet is not authentic.
   */
  open(sequence: number, packet: Uint8Array): Uint8Array | undefined;
  /** Forgets the keys; nothing can be opened after that. */
  wipe(): void;
}

/** What RFC 4253 section 7.2 derives for one direction. Their owner wipes them. */
export interface CipherKeys {
  /** "Encryption key". */
  readonly key: Uint8Array;
  /** "Initial IV". */
  readonly iv: Uint8Array;
  /** "Integrity key"; empty where the cipher authenticates by itself. */
  readonly macKey: Uint8Array;
}

/** A cipher as it is negotiated. Its keys copy what they are made from. */
export interface PacketCipher {
  readonly keySize: number;
  readonly ivSize: number;
  /** The cipher's own block, by which RFC 4344 counts when keys have to be replaced. */
  readonly blockSize: number;
  /** Whether it authenticates by itself; a MAC is neither needed nor used then. */
  readonly isAuthenticated: boolean;
  /** Whether the runtime can do it. */
  isSupported(): boolean;
  /** Does what takes long when the first key is made; for when there is nothing else to do. */
  prepare?(): void;
  sealingKey(keys: CipherKeys, mac: Mac | undefined): SealingKey;
  openingKey(keys: CipherKeys, mac: Mac | undefined): OpeningKey;
}
