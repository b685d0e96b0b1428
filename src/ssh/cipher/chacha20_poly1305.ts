import { chacha20, CHACHA20_STRIDE } from "./chacha20.ts";
import { chacha20WithPoly1305 } from "./chacha20_with_poly1305.ts";
import { LENGTH_SIZE, lengthOf } from "./packet_cipher.ts";
import { assemble, i8x16, WasmFunction } from "./wasm_assembler.ts";

/** Bytes of the tag behind it. */
export const TAG_SIZE = 16;
/** The largest packet that is accepted, in bytes, as with OpenSSH. */
export const MAX_LENGTH = 256 * 1024;

// Where things are in the memory of the module.
const TAG = 0;
const TAG_RECEIVED = 16;
/** The state that makes the keystream of lengths. */
const LENGTH_STATE = 64;
/** The state that makes the keystream of packets. */
const PACKET_STATE = 128;
/** Where a little of the keystream is made. */
const STREAM = 256;
/** The body of the packet; its length is right before. */
const BODY = 2048;
const PACKET = BODY - LENGTH_SIZE;
/** The block of the keystream that comes before the body's: its beginning is the key of the tag. */
const TAG_KEY = BODY - 64;
/** How far before a packet it is decrypted to: its tag is made meanwhile. */
const OPENED = 2 * CHACHA20_STRIDE;
const MEMORY = BODY + MAX_LENGTH + CHACHA20_STRIDE;

/** The module, and its memory as bytes and as words. */
interface Engine {
  chacha20(state: number, data: number, length: number): void;
  chacha20WithPoly1305(
    state: number,
    from: number,
    to: number,
    length: number,
    head: number,
    tag: number,
  ): void;
  bytes: Uint8Array;
  words: Uint32Array;
  /** Whose keys are in its memory. */
  user?: ChaCha20Poly1305;
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
    assemble(
      [chacha20(), chacha20WithPoly1305()],
      Math.ceil(MEMORY / 65536),
    ),
  );
  return { sealing: instantiate(module), opening: instantiate(module) };
}

function instantiate(module: WebAssembly.Module): Engine {
  const { exports } = new WebAssembly.Instance(module);
  const { buffer } = exports.memory as WebAssembly.Memory;
  return {
    chacha20: exports.chacha20 as Engine["chacha20"],
    chacha20WithPoly1305: exports
      .chacha20WithPoly1305 as Engine["chacha20WithPoly1305"],
    bytes: new Uint8Array(buffer),
    words: new Uint32Array(buffer),
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
  readonly #packetState: Uint32Array;
  readonly #lengthState: Uint32Array;
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
    this.#packetState = stateOf(packetKey);
    this.#lengthState = stateOf(lengthKey);
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
    const { bytes, words } = engine;
    const end = place(engine, packet, packet.length - LENGTH_SIZE);
    const length = words[PACKET / 4]! ^ this.#lengthStream(engine, sequence);
    this.#crypt(engine, sequence, end, TAG_KEY, length, end);
    return bytes.subarray(PACKET, end + TAG_SIZE);
  }

  /**
   * Decrypts the length of a packet. It is not authentic until the packet is.
   *
   * @param sequence The packet's sequence number.
   * @param length Its first four bytes.
   */
  decryptLength(sequence: number, length: Uint8Array): number {
    const stream = this.#lengthStream(this.#opening, sequence);
    return (swapBytes(stream) ^ lengthOf(length)) >>> 0;
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
    const { bytes, words } = engine;
    const end = place(engine, sealed, sealed.length - LENGTH_SIZE - TAG_SIZE);
    // Making the tag overwrites what follows the packet.
    bytes.copyWithin(TAG_RECEIVED, end, end + TAG_SIZE);
    const length = words[PACKET / 4]!;
    this.#crypt(engine, sequence, end, TAG_KEY - OPENED, length, TAG);
    // Compare all of it, so that the time reveals nothing.
    let difference = 0;
    for (let i = 0; i < TAG_SIZE / 4; i++) {
      difference |= words[TAG / 4 + i]! ^ words[TAG_RECEIVED / 4 + i]!;
    }
    const opened = bytes.subarray(BODY - OPENED, end - OPENED);
    if (difference === 0) return opened;
    opened.fill(0);
    return undefined;
  }

  /** Forgets the key; it cannot be used after that. */
  free(): void {
    this.#freed = true;
    this.#packetState.fill(0);
    this.#lengthState.fill(0);
    for (const engine of [this.#sealing, this.#opening]) {
      delete engine.user;
      engine.bytes.fill(0, 0, PACKET);
    }
  }

  /** The word of the keystream that a length is encrypted with, as it is in memory. */
  #lengthStream(engine: Engine, sequence: number): number {
    const { words } = engine;
    words[STREAM / 4] = 0;
    this.#setState(engine, LENGTH_STATE, sequence);
    engine.chacha20(LENGTH_STATE, STREAM, LENGTH_SIZE);
    return words[STREAM / 4]!;
  }

  /** Encrypts or decrypts the packet, and makes its tag with the encrypted length. */
  #crypt(
    engine: Engine,
    sequence: number,
    end: number,
    to: number,
    length: number,
    tag: number,
  ): void {
    this.#setState(engine, PACKET_STATE, sequence);
    engine.words.fill(0, TAG_KEY / 4, BODY / 4);
    const size = end - TAG_KEY;
    engine.chacha20WithPoly1305(PACKET_STATE, TAG_KEY, to, size, length, tag);
  }

  /** Has a state in memory ready for a packet: the key, and the nonce. */
  #setState(engine: Engine, state: number, sequence: number): void {
    if (this.#freed) throw new TypeError("the key was freed");
    const { words } = engine;
    if (engine.user !== this) {
      words.set(this.#lengthState, LENGTH_STATE / 4);
      words.set(this.#packetState, PACKET_STATE / 4);
      engine.user = this;
    }
    words[state / 4 + 15] = swapBytes(sequence);
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

/** The state of ChaCha20 with a key; block and nonce are still to be set. */
function stateOf(key: Uint8Array): Uint32Array {
  if (key.length !== 32) throw new RangeError("a key has 32 bytes");
  const state = new Uint32Array(16);
  state.set([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]); // "expand 32-byte k"
  new Uint8Array(state.buffer).set(key, 16);
  return state;
}

/** A number as the nonce holds it: big-endian in a little-endian word. */
function swapBytes(word: number): number {
  return word << 24 | (word & 0xff00) << 8 | word >>> 8 & 0xff00 | word >>> 24;
}
