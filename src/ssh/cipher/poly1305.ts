/**
 * Poly1305 (RFC 8439 section 2.5) in WebAssembly.
 *
 * Numbers modulo p = 2^130 - 5 are held in limbs of 32 bits, lowest first, each
 * in an i64. There are no vectors in it, so that a processor can work on it and
 * on ChaCha20, which consists of nothing else, at the same time.
 *
 * @module
 */

import {
  type Code,
  doWhile,
  i32,
  i64,
  type Local,
  type Tuple,
  v128,
  type WasmFunction,
} from "./wasm_assembler.ts";

/** Bytes of a block. */
export const POLY1305_BLOCK = 16;

/** What r is masked with, in words (RFC 8439 section 2.5.1). */
const CLAMP = [0x0fffffffn, 0x0ffffffcn, 0x0ffffffcn, 0x0ffffffcn];
const WORDS = [0, 1, 2, 3] as const;

/** The code of Poly1305 within a function, and its variables. */
export class Poly1305 {
  /** The sum so far. The lower limbs may be larger than 32 bits. */
  readonly #h: Tuple<Local, 5>;
  readonly #r: Tuple<Local, 4>;
  /** 5/4 r: what comes back at the bottom of products that reach 2^130. Clamping makes all but the first multiples of 4. */
  readonly #s: Tuple<Local, 4>;
  readonly #d: Tuple<Local, 4>;

  constructor(f: WasmFunction) {
    this.#h = f.locals("i64", 5);
    this.#r = f.locals("i64", 4);
    this.#s = f.locals("i64", 4);
    this.#d = f.locals("i64", 4);
  }

  /** Begins with the key at that address. */
  begin(key: Local): Code {
    return [
      this.#h.map((limb) => limb.set(i64.const(0n))),
      WORDS.map((i) => [
        this.#r[i].set(
          i64.and(i64.load32_u(key.get, 4 * i), i64.const(CLAMP[i]!)),
        ),
        this.#s[i].set(
          i64.add(
            this.#r[i].get,
            i64.shr_u(this.#r[i].get, i64.const(2n)),
          ),
        ),
      ]),
    ];
  }

  /**
   * Takes one block: h = (h + block + 2^128) r, in pieces between which other
   * work can be done.
   *
   * Before the multiplication, h's first limb is below 3.6 * 2^32, the next
   * three below 3 * 2^32, and the last at most 4. Those of r are below 2^28, so
   * that the largest sum of products is below 14.9 * 2^60 and fits.
   *
   * @param above The bit above the block: 1, but for a last block that is filled up.
   */
  block(address: Local, offset = 0, above: Code = i64.const(1n)): Code[] {
    const h = this.#h;
    const d = this.#d;
    const product = (limb: number, i: number) =>
      i64.mul(
        h[i]!.get,
        (i <= limb ? this.#r[limb - i] : this.#s[4 + limb - i])!.get,
      );
    return [
      ...WORDS.map((i) =>
        h[i].set(
          i64.add(h[i].get, i64.load32_u(address.get, offset + 4 * i)),
        )
      ),
      h[4].set(i64.add(h[4].get, above)),
      // h's first limb comes last, as it is ready last.
      d[0].set(sum([1, 2, 3, 0].map((i) => product(0, i)))),
      ...([1, 2, 3] as const).map((limb) =>
        d[limb].set(sum([1, 2, 3, 4, 0].map((i) => product(limb, i))))
      ),
      h[4].set(i64.mul(h[4].get, this.#r[0].get)),
      h[4].set(i64.add(h[4].get, high(d[3].get))),
      h[0].set(i64.add(low(d[0].get), above130(h[4].get))),
      ...([1, 2, 3] as const).map((i) =>
        h[i].set(i64.add(low(d[i].get), high(d[i - 1]!.get)))
      ),
      h[4].set(below130(h[4].get)),
    ];
  }

  /**
   * Takes what is left, at least one byte, and writes the tag.
   *
   * It overwrites the 16 bytes after the end. The tag may go there.
   *
   * @param from Where to go on; it is moved to the end.
   */
  finish(from: Local, end: Local, key: Local, tag: Local): Code {
    const isWhole = i32.gt_s(
      i32.sub(end.get, from.get),
      i32.const(POLY1305_BLOCK - 1),
    );
    return [
      // A one and zeros fill up the last block.
      v128.store(end.get, v128.const(1, 0, 0, 0)),
      doWhile([
        this.block(from, 0, i64.extend_i32_u(isWhole)),
        from.set(i32.add(from.get, i32.const(POLY1305_BLOCK))),
      ], i32.gt_s(end.get, from.get)),
      this.#writeTag(key, tag),
    ];
  }

  /** tag = (h modulo p + the key's second half) modulo 2^128 */
  #writeTag(key: Local, tag: Local): Code {
    const h = this.#h;
    const [carry] = this.#d;
    const carryOn = WORDS.map((i) => [
      h[i + 1]!.set(i64.add(h[i + 1]!.get, high(h[i].get))),
      h[i].set(low(h[i].get)),
    ]);
    return [
      carryOn,
      h[0].set(i64.add(h[0].get, above130(h[4].get))),
      h[4].set(below130(h[4].get)),
      carryOn,
      // Now h < 2p. It is h >= p exactly if h + 5 >= 2^130; h - p is h + 5 without that bit.
      carry.set(i64.const(5n)),
      WORDS.map((i) => carry.set(high(i64.add(h[i].get, carry.get)))),
      carry.set(i64.shr_u(i64.add(h[4].get, carry.get), i64.const(2n))),
      carry.set(i64.mul(carry.get, i64.const(5n))),
      WORDS.map((i) => [
        carry.set(
          sum([carry.get, h[i].get, i64.load32_u(key.get, 16 + 4 * i)]),
        ),
        i64.store32(tag.get, carry.get, 4 * i),
        carry.set(high(carry.get)),
      ]),
    ];
  }
}

function sum(terms: Code[]): Code {
  return terms.reduce((a, b) => i64.add(a, b));
}

function low(limb: Code): Code {
  return i64.and(limb, i64.const(0xffffffffn));
}

function high(limb: Code): Code {
  return i64.shr_u(limb, i64.const(32n));
}

/** What the bits of the last limb from 2^130 on amount to at the bottom: 5 for each 2^130. */
function above130(limb: Code): Code {
  return i64.add(
    i64.shr_u(limb, i64.const(2n)),
    i64.and(limb, i64.const(-4n)),
  );
}

function below130(limb: Code): Code {
  return i64.and(limb, i64.const(3n));
}
