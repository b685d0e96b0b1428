/**
 * The data types of SSH's messages (RFC 4251 section 5), read and written with
 * every bound checked.
 *
 * @module
 */

import { ProtocolError } from "../errors.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();
/** Bits of the largest number that a message may hold; OpenSSH's limit too. */
const MAX_MPINT_BITS = 16_384;
/** Up to this length text is decoded without a TextDecoder, in bytes. */
const SHORT_TEXT = 40;

/** The text of a few bytes of ASCII, as names and addresses are, without the cost of a decoder. */
function asciiOf(bytes: Uint8Array): string | undefined {
  if (bytes.length > SHORT_TEXT) return undefined;
  let text = "";
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i]! > 127) return undefined;
    text += String.fromCharCode(bytes[i]!);
  }
  return text;
}

/**
 * Reads the parts of a message one after the other. Every method throws a
 * {@linkcode ProtocolError} if the message ends before its part does.
 */
export class WireReader {
  readonly #bytes: Uint8Array;
  #at: number;

  /** @param at Where to begin. */
  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Bytes that are left to read. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    return this.#bytes[this.#advance(1)]!;
  }

  /** Every value but 0 is true. */
  boolean(): boolean {
    return this.byte() !== 0;
  }

  uint32(): number {
    const at = this.#advance(4);
    const bytes = this.#bytes;
    return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 |
      bytes[at + 3]!) >>> 0;
  }

  uint64(): bigint {
    const high = this.uint32();
    return BigInt(high) << 32n | BigInt(this.uint32());
  }

  /** That many bytes: a view of the message. */
  bytes(size: number): Uint8Array {
    const start = this.#advance(size);
    return this.#bytes.subarray(start, start + size);
  }

  /** The bytes of a string: a view of the message. */
  string(): Uint8Array {
    return this.bytes(this.uint32());
  }

  /** A string as UTF-8; what is not valid is replaced. */
  text(): string {
    const bytes = this.string();
    return asciiOf(bytes) ?? decoder.decode(bytes);
  }

  /**
   * The digits of a number that is not negative, big endian, without zeros in
   * front: a view of the message.
   *
   * @throws {ProtocolError} also if it is negative, too large, or has a leading zero that it does not need.
   */
  mpint(maxBits: number = MAX_MPINT_BITS): Uint8Array {
    const bytes = this.string();
    const [first = 1, second = 0] = bytes;
    if (first >= 0x80) throw new ProtocolError("a number is negative");
    if (first === 0 && second < 0x80) {
      throw new ProtocolError("a number has a superfluous zero in front");
    }
    const digits = first === 0 ? bytes.subarray(1) : bytes;
    if (digits.length * 8 - Math.clz32(digits[0] ?? 0) + 24 > maxBits) {
      throw new ProtocolError(`a number has more than ${maxBits} bits`);
    }
    return digits;
  }

  /** Names between commas; an empty string holds none. */
  nameList(): string[] {
    const text = this.text();
    return text === "" ? [] : text.split(",");
  }

  /** All bytes that are left: a view of the message. */
  rest(): Uint8Array {
    return this.bytes(this.left);
  }

  /** @throws {ProtocolError} if bytes are left. */
  end(): void {
    if (this.left === 0) return;
    throw new ProtocolError(`the message has ${this.left} bytes too many`);
  }

  /** Steps over that many bytes; returns where they begin. */
  #advance(size: number): number {
    if (size > this.left) {
      throw new ProtocolError("the message is cut short");
    }
    const start = this.#at;
    this.#at += size;
    return start;
  }
}

/**
 * Writes the parts of a message one after the other. Without a DataView, since
 * V8 keeps a small array without one in its heap, where it costs a tenth.
 */
export class WireWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  /** @param capacity Bytes that fit before the buffer grows. */
  constructor(capacity = 128) {
    this.#bytes = new Uint8Array(capacity);
  }

  byte(value: number): this {
    const at = this.#reserve(1);
    this.#bytes[at] = value;
    return this;
  }

  boolean(value: boolean): this {
    return this.byte(value ? 1 : 0);
  }

  uint32(value: number): this {
    const at = this.#reserve(4);
    const bytes = this.#bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
    return this;
  }

  uint64(value: bigint): this {
    return this.uint32(Number(value >> 32n & 0xffffffffn))
      .uint32(Number(value & 0xffffffffn));
  }

  /** The length, then the bytes, or the text as UTF-8. */
  string(value: Uint8Array | string): this {
    const bytes = typeof value === "string" ? encoder.encode(value) : value;
    return this.uint32(bytes.length).raw(bytes);
  }

  /** @param digits A number that is not negative, big endian. Zeros in front are left out. */
  mpint(digits: Uint8Array): this {
    let start = 0;
    while (digits[start] === 0) start++;
    const number = digits.subarray(start);
    const sign = number.length > 0 && number[0]! >= 0x80;
    this.uint32(number.length + (sign ? 1 : 0));
    if (sign) this.byte(0);
    return this.raw(number);
  }

  /** Names between commas. */
  nameList(names: readonly string[]): this {
    return this.string(names.join(","));
  }

  /** The bytes alone. */
  raw(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** What was written: a view, which the next write may leave behind. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#length === this.#bytes.length
      ? this.#bytes
      : this.#bytes.subarray(0, this.#length);
  }

  /** Reserves that many bytes; returns their offset. */
  #reserve(size: number): number {
    const start = this.#length;
    const end = start + size;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      larger.set(this.bytes());
      this.#bytes = larger;
    }
    this.#length = end;
    return start;
  }
}
