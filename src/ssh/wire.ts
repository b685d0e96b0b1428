/**
 * The data types of SSH's messages (RFC 4251 section 5).
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** A number of 32 bits. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Each value's length, then its bytes. */
export function strings(...values: readonly Buffer[]): Buffer {
  return Buffer.concat(
    values.flatMap((bytes) => [uint32(bytes.length), bytes]),
  );
}

/** What is in the string of a positive number: no zeros in front but one that keeps it positive. */
export function mpint(digits: Buffer): Buffer {
  const start = digits.findIndex((byte) => byte !== 0);
  const number = digits.subarray(start);
  return number[0]! < 0x80 ? number : Buffer.concat([Buffer.of(0), number]);
}

/** Reads the parts of a message one after the other. */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** @throws {Error} if the message is at its end; so do the others. */
  byte(): number {
    return this.#take(1)[0]!;
  }

  uint32(): number {
    return this.#take(4).readUInt32BE();
  }

  string(): Buffer {
    return this.#take(this.uint32());
  }

  #take(size: number): Buffer {
    if (this.#at + size > this.#bytes.length) {
      throw new Error("the message is cut short");
    }
    return this.#bytes.subarray(this.#at, this.#at += size);
  }
}
