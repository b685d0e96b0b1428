/**
 * The data types of SFTP version 3 (draft-ietf-secsh-filexfer-02,
 * and OpenSSH's file PROTOCOL, section 4).
 *
 * ssh2 has a codec too, with a Node stream and a table of listeners around it.
 * This one reads a packet where it lies, so that many can be processed together.
 *
 * @module
 */

/** Section 3: the types of packets. */
export const Packet = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  fsetstat: 10,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  rmdir: 15,
  realpath: 16,
  stat: 17,
  rename: 18,
  readlink: 19,
  symlink: 20,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attrs: 105,
  extended: 200,
  extendedReply: 201,
} as const;

/** Section 7: how a request ended. */
export const Status = {
  ok: 0,
  eof: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  opUnsupported: 8,
} as const;

/** One of {@linkcode Status}. */
export type StatusCode = typeof Status[keyof typeof Status];

/** Section 6.3: how a file is opened, as bits. */
export const OpenFlag = {
  read: 1,
  write: 2,
  append: 4,
  creat: 8,
  trunc: 16,
  excl: 32,
} as const;

/** Section 5: which attributes there are, as bits. */
export const Attribute = {
  size: 1,
  owner: 2,
  permissions: 4,
  times: 8,
  extended: 0x80000000,
} as const;

/** The largest packet without its length, in bytes: OpenSSH's limit. */
export const MAX_PACKET = 256 * 1024;
/** The most bytes of a file in one packet, so that it fits {@linkcode MAX_PACKET}. */
export const MAX_DATA = MAX_PACKET - 1024;

/** A file's attributes as a client sets them; what is undefined is to stay. */
export interface Attributes {
  /** Bytes. */
  size?: number;
  /** Who owns it. */
  owner?: { uid: number; gid: number };
  /** The mode without the bits of the file's type. */
  permissions?: number;
  /** Seconds since 1970. */
  times?: { accessed: number; modified: number };
}

// Keeps a leading byte order mark: it is part of the name.
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads a packet field by field; every method throws `InvalidData` past its end. */
export class FieldReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  /** @param bytes The packet without its length. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  uint8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  /** A number of bytes in a file. */
  uint64(): number {
    const value = this.#view.getBigUint64(this.#take(8));
    if (value <= Number.MAX_SAFE_INTEGER) return Number(value);
    throw new Deno.errors.InvalidData("the number is too large for a file");
  }

  /** A string's bytes, as a view of the packet. */
  bytes(): Uint8Array {
    const length = this.uint32();
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** A handle: four bytes to the client, a number to us. */
  handle(): number {
    if (this.uint32() === 4) return this.uint32();
    throw new Deno.errors.InvalidData("the handle's length is invalid");
  }

  /** A string that is text. Deno takes no path whose bytes are not UTF-8. */
  text(): string {
    const bytes = this.bytes();
    let text;
    try {
      text = strictUtf8.decode(bytes);
    } catch (error) {
      throw new Deno.errors.InvalidData("a name that is not UTF-8", {
        cause: error,
      });
    }
    if (!text.includes("\0")) return text;
    throw new Deno.errors.InvalidData("a name with a zero byte");
  }

  attributes(): Attributes {
    const flags = this.uint32();
    const attributes: Attributes = {};
    if (flags & Attribute.size) attributes.size = this.uint64();
    if (flags & Attribute.owner) {
      attributes.owner = { uid: this.uint32(), gid: this.uint32() };
    }
    if (flags & Attribute.permissions) {
      attributes.permissions = this.uint32() & 0o7777;
    }
    if (flags & Attribute.times) {
      attributes.times = { accessed: this.uint32(), modified: this.uint32() };
    }
    // Extended ones are the last of any packet, and none is known: not read.
    return attributes;
  }

  #take(length: number): number {
    const start = this.#offset;
    if (length > this.#bytes.length - start) {
      throw new Deno.errors.InvalidData("the packet ends too early");
    }
    this.#offset += length;
    return start;
  }
}
