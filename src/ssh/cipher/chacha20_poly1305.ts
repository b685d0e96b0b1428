import { chacha20, CHACHA20_STRIDE } from "./chacha20.ts";
import { LENGTH_SIZE } from "./packet_cipher.ts";
import { poly1305 } from "./poly1305.ts";
import { assemble, i8x16, WasmFunction } from "./wasm_assembler.ts";

/** Bytes of the tag behind it. */
export const TAG_SIZE = 16;
/** The largest packet that is accepted, in bytes, as with OpenSSH. */
export const MAX_LENGTH = 256 * 1024;

// Where things are in the memory of the module.
const STATE = 0;
const KEY = STATE + 16;
const TAG = 64;
const TAG_RECEIVED = 80;
/** Where a little of the keystream is made. */
const STREAM = 128;
/** The body of the packet; its length is right before. */
const BODY = 1024;
const PACKET = BODY - LENGTH_SIZE;
const MEMORY = BODY + MAX_LENGTH + CHACHA20_STRIDE;

/** The module, and its memory as bytes and as words. */
interface Engine {
  chacha20(state: number, data: number, length: number): void;
  poly1305(key: number, message: number, length: number, tag: number): void;
  bytes: Uint8Array;
  words: Uint32Array;
}

/**
 * Memory to seal in and memory to open in: a message that was opened can be
 * sent on, whole or in part, while it is being handled.
 */
interface Engines {
  sealing: Engine;
  opening: Engine;
}

let engines: Engines | undefined;
let supported: boolean | undefined;

function start(): Engines {
  const module = new WebAssembly.Module(
    assemble([chacha20(), poly1305()], Math.ceil(MEMORY / 65536)),
  );
  return { sealing: instantiate(module), opening: instantiate(module) };
}

function instantiate(module: WebAssembly.Module): Engine {
  const { exports } = new WebAssembly.Instance(module);
  const { buffer } = exports.memory as WebAssembly.Memory;
  const words = new Uint32Array(buffer);
  words.set([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]); // "expand 32-byte k"
  return {
    chacha20: exports.chacha20 as Engine["chacha20"],
    poly1305: exports.poly1305 as Engine["poly1305"],
    bytes: new Uint8Array(buffer),
    words,
  };
}

/** Looks at the smallest module that needs it, which takes no time. */
function hasRelaxedSimd(): boolean {
  const f = new WasmFunction("f");
  const vector = f.local("v128");
  f.body = [vector.set(i8x16.relaxed_swizzle(vector.get, vector.get))];
  return WebAssembly.validate(assemble([f], 1));
}

/**
 * The cipher `chacha20-poly1305@openssh.com` of one direction of a connection
 * (OpenSSH's PROTOCOL.chacha20poly1305), in WebAssembly.
 *
 * What its methods return lies in memory that all instances share: what was
 * sealed is good until any of them seals again, what was opened until any of
 * them opens again or decrypts a length.
 */
export class ChaCha20Poly1305 {
  readonly #packetKey: Uint32Array;
  readonly #lengthKey: Uint32Array;
  readonly #sealing: Engine;
  readonly #opening: Engine;
  #freed = false;

  /** Whether it can be used here: it takes WebAssembly with relaxed SIMD. */
  static isSupported(): boolean {
    return supported ??= hasRelaxedSimd();
  }

  /** Compiles the module, in some 10 ms; else the first instance does it. */
  static prepare(): void {
    engines ??= start();
  }

  /**
   * Copies its keys, of 32 bytes each.
   *
   * @param packetKey K_2 of the document, which encrypts packets.
   * @param lengthKey K_1 of the document, which encrypts their lengths.
   */
  constructor(packetKey: Uint8Array, lengthKey: Uint8Array) {
    this.#packetKey = keyWords(packetKey);
    this.#lengthKey = keyWords(lengthKey);
    const { sealing, opening } = engines ??= start();
    this.#sealing = sealing;
    this.#opening = opening;
  }

  /** Where {@linkcode seal} works: what is assembled here needs not be copied. */
  get room(): Uint8Array {
    return this.#sealing.bytes.subarray(PACKET, BODY + MAX_LENGTH);
  }

  /**
   * Encrypts a packet.
   *
   * @param sequence Its sequence number, below 2^32.
   * @param packet Its length in four bytes, and that many.
   * @returns The same, encrypted, and the tag.
   */
  seal(sequence: number, packet: Uint8Array): Uint8Array {
    const engine = this.#sealing;
    const { bytes } = engine;
    const end = place(engine, packet, packet.length - LENGTH_SIZE);
    bytes.copyWithin(STREAM, PACKET, BODY);
    this.#xor(engine, this.#lengthKey, sequence, 0, STREAM, LENGTH_SIZE);
    this.#xor(engine, this.#packetKey, sequence, 1, BODY, end - BODY);
    bytes.copyWithin(PACKET, STREAM, STREAM + LENGTH_SIZE);
    this.#authenticate(engine, sequence, packet.length, end);
    return bytes.subarray(PACKET, end + TAG_SIZE);
  }

  /**
   * Decrypts the length of a packet. It is not authentic until the packet is.
   *
   * @param sequence The packet's sequence number.
   * @param length Its first four bytes.
   */
  decryptLength(sequence: number, length: Uint8Array): number {
    const engine = this.#opening;
    const { bytes } = engine;
    bytes.set(length, STREAM);
    this.#xor(engine, this.#lengthKey, sequence, 0, STREAM, LENGTH_SIZE);
    return (bytes[STREAM]! << 24 | bytes[STREAM + 1]! << 16 |
      bytes[STREAM + 2]! << 8 | bytes[STREAM + 3]!) >>> 0;
  }

  /**
   * Decrypts a packet, if it is authentic.
   *
   * @param sequence Its sequence number.
   * @param sealed What {@linkcode seal} returns: length, body and tag.
   * @returns The body, or undefined if the tag is another.
   */
  open(sequence: number, sealed: Uint8Array): Uint8Array | undefined {
    const engine = this.#opening;
    const { bytes } = engine;
    const end = place(engine, sealed, sealed.length - LENGTH_SIZE - TAG_SIZE);
    bytes.copyWithin(TAG_RECEIVED, end, end + TAG_SIZE);
    this.#authenticate(engine, sequence, end - PACKET, TAG);
    // Compare every byte, so that the time reveals nothing.
    let difference = 0;
    for (let i = 0; i < TAG_SIZE; i++) {
      difference |= bytes[TAG + i]! ^ bytes[TAG_RECEIVED + i]!;
    }
    if (difference !== 0) return undefined;
    this.#xor(engine, this.#packetKey, sequence, 1, BODY, end - BODY);
    return bytes.subarray(BODY, end);
  }

  /** Forgets the key; it cannot be used after that. */
  free(): void {
    this.#freed = true;
    this.#packetKey.fill(0);
    this.#lengthKey.fill(0);
    this.#sealing.bytes.fill(0, KEY, PACKET);
    this.#opening.bytes.fill(0, KEY, PACKET);
  }

  /** Writes the tag of the packet in memory, whose body is encrypted. */
  #authenticate(
    engine: Engine,
    sequence: number,
    length: number,
    tag: number,
  ): void {
    const { bytes, poly1305 } = engine;
    bytes.fill(0, STREAM, STREAM + 32);
    this.#xor(engine, this.#packetKey, sequence, 0, STREAM, 32);
    poly1305(STREAM, PACKET, length, tag);
  }

  /** XORs the keystream from the block with that number on to memory. */
  #xor(
    engine: Engine,
    key: Uint32Array,
    sequence: number,
    block: number,
    address: number,
    length: number,
  ): void {
    if (this.#freed) throw new TypeError("the key was freed");
    const { words, chacha20 } = engine;
    words.set(key, KEY / 4);
    words[12] = block;
    words[15] = swapBytes(sequence);
    chacha20(STATE, address, length);
  }
}

/** Copies a packet to where it is worked on; returns where its body ends. */
function place(engine: Engine, packet: Uint8Array, length: number): number {
  if (length < 1 || length > MAX_LENGTH) {
    throw new RangeError(`a packet cannot have ${length} bytes`);
  }
  const { bytes } = engine;
  const isInPlace = packet.buffer === bytes.buffer &&
    packet.byteOffset === PACKET;
  if (!isInPlace) bytes.set(packet, PACKET);
  return BODY + length;
}

function keyWords(key: Uint8Array): Uint32Array {
  if (key.length !== 32) throw new RangeError("a key has 32 bytes");
  return new Uint32Array(Uint8Array.from(key).buffer);
}

/** A number as the nonce holds it: big-endian in a little-endian word. */
function swapBytes(word: number): number {
  return word << 24 | (word & 0xff00) << 8 | word >>> 8 & 0xff00 | word >>> 24;
}
