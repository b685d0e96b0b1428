import { ProtocolError } from "../../../errors.ts";
import { LENGTH_SIZE, type OpeningKey } from "../../cipher/packet_cipher.ts";
import { plainOpening } from "../../cipher/plain_packets.ts";
import type { Decompressor } from "./compression.ts";
import { type KeyUse, unusedKeys } from "./key_use.ts";

/** The largest length field that is accepted, in bytes: OpenSSH's limit, too. RFC 4253 section 6.1 requires at least 35000. */
const MAX_LENGTH = 256 * 1024;
/** The smallest length field: padding length, a message of one byte, padding. */
const MIN_LENGTH = 1 + 1 + 4;
const MIN_PADDING = 4;
/** The smallest packet without a tag, where the length is padded along (RFC 4253 section 6). */
const MIN_PACKET = 16;
/** The buffer begins with this size, and doubles while reads fill it, ... */
const FIRST_BUFFER = 16 * 1024;
/** ... up to this one, or to the size of a packet that is larger. */
const LARGEST_BUFFER = 128 * 1024;

/** The MAC or tag of a packet is wrong. */
export class MacError extends ProtocolError {
  constructor() {
    super("a packet is not authentic: it was changed in transit");
    this.name = "MacError";
  }
}

/**
 * Splits the incoming bytes into lines first, then into packets, which it opens
 * in the buffer that they were read into.
 */
export class PacketReader {
  /** What the current key was used for. */
  use: KeyUse = unusedKeys();
  /** Decompresses messages, if compression is on. */
  decompressor: Decompressor | undefined;

  #buffer: Uint8Array = new Uint8Array(FIRST_BUFFER);
  #start = 0;
  #end = 0;
  /** Whether the last read took all the room, so that more would be of use. */
  #wasFilled = false;
  #key: OpeningKey = plainOpening;
  #sequence = 0;
  /** Size of the packet at {@linkcode #start} with length and tag; 0 until its length was read. */
  #size = 0;

  /** The sequence number of the last packet, for UNIMPLEMENTED (RFC 4253 section 11.4). */
  get lastSequence(): number {
    return (this.#sequence - 1) >>> 0;
  }

  /** The free part of the buffer, to read into before {@linkcode advance} is called; empty while the buffer is full. */
  room(): Uint8Array {
    if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    if (this.#wasFilled || this.#size > this.#buffer.length) this.#grow();
    this.#wasFilled = false;
    return this.#buffer.subarray(this.#end);
  }

  /** Adds the bytes that were read into {@linkcode room}. */
  advance(size: number): void {
    this.#end += size;
    this.#wasFilled = this.#end === this.#buffer.length;
  }

  /**
   * Takes a line without its end, LF or CR LF.
   *
   * @returns a view of it, valid until {@linkcode room} is called; undefined if it has not arrived yet.
   * @throws {ProtocolError} if it is longer than `limit` bytes.
   */
  line(limit: number): Uint8Array | undefined {
    const there = this.#buffer.subarray(this.#start, this.#end);
    const size = there.indexOf(10);
    if (size > limit || size < 0 && there.length > limit) {
      throw new ProtocolError(`a line has more than ${limit} bytes`);
    }
    if (size < 0) return undefined;
    this.#start += size + 1;
    return there.subarray(0, there[size - 1] === 13 ? size - 1 : size);
  }

  /** A view of the unread bytes, at most `limit` of them. */
  peek(limit: number): Uint8Array {
    const end = Math.min(this.#end, this.#start + limit);
    return this.#buffer.subarray(this.#start, end);
  }

  /**
   * Takes the next message.
   *
   * @returns a view of it, valid until {@linkcode next} or {@linkcode room} is called; undefined if it has not arrived yet.
   * @throws {ProtocolError} if the packet is malformed, or not authentic ({@linkcode MacError}).
   */
  next(): Uint8Array | undefined {
    const key = this.#key;
    const available = this.#end - this.#start;
    if (this.#size === 0) {
      if (available < key.headSize) return undefined;
      this.#size = this.#readSize();
    }
    if (available < this.#size) return undefined;

    const start = this.#start;
    const packet = this.#buffer.subarray(start, start + this.#size);
    this.#start += this.#size;
    this.#size = 0;
    const body = key.open(this.#sequence, packet);
    if (!body) throw new MacError();
    this.#sequence = (this.#sequence + 1) >>> 0;
    this.use.packets++;
    this.use.bytes += packet.length;

    const padding = body[0]!;
    const size = body.length - 1 - padding;
    if (padding < MIN_PADDING || size < 1) {
      throw new ProtocolError(
        `a packet of ${body.length} bytes has ${padding} bytes of padding`,
      );
    }
    // Never a Buffer, whose slice() copies nothing.
    const payload = new Uint8Array(body.buffer, body.byteOffset + 1, size);
    return this.decompressor?.decompress(payload) ?? payload;
  }

  /** Switches to another key from the next packet on, and wipes the previous one. */
  setKey(key: OpeningKey, { resetSequence }: { resetSequence: boolean }): void {
    this.#key.wipe();
    this.#key = key;
    this.use = unusedKeys();
    if (resetSequence) this.#sequence = 0;
  }

  /** Wipes the key; nothing can be read after that. */
  wipe(): void {
    this.#key.wipe();
    this.decompressor?.close();
    this.decompressor = undefined;
  }

  #readSize(): number {
    const key = this.#key;
    const start = this.#start;
    const head = this.#buffer.subarray(start, start + key.headSize);
    const length = key.openLength(this.#sequence, head);
    const padded = (key.padsLength ? LENGTH_SIZE : 0) + length;
    if (
      length < MIN_LENGTH || length > MAX_LENGTH ||
      padded % key.blockSize !== 0 || key.padsLength && padded < MIN_PACKET
    ) {
      throw new ProtocolError(
        `a packet has an invalid length: ${length} bytes`,
      );
    }
    return LENGTH_SIZE + length + key.tagSize;
  }

  #grow(): void {
    const doubled = Math.min(2 * this.#buffer.length, LARGEST_BUFFER);
    const capacity = Math.max(doubled, this.#size);
    if (capacity <= this.#buffer.length) return;
    const larger = new Uint8Array(capacity);
    larger.set(this.#buffer.subarray(0, this.#end));
    this.#buffer = larger;
  }
}
