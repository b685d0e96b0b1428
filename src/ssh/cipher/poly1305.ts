/**
 * Poly1305 (RFC 8439 section 2.5) in WebAssembly.
 *
 * Numbers modulo p = 2^130 - 5 are held in five limbs of 26 bits, lowest
 * first, so that sums of their products fit into 64 bits. Four blocks are
 * worked on at once, one in each lane of a vector:
 *
 *     h = (h + blocks) (r^4, r^4, r^4, r^4)    for all but the last four blocks,
 *     h = (h + blocks) (r^4, r^3, r^2, r)      for those;
 *
 * the sum of h's lanes is then what one block after the other would give.
 *
 * @module
 */

import {
  type Code,
  doWhile,
  i32,
  i32x4,
  i64,
  i64x2,
  type Local,
  transpose,
  type Tuple,
  v128,
  WasmFunction,
  when,
} from "./wasm_assembler.ts";

const BITS = 26;
const MASK = 2 ** BITS - 1;
/** What r is masked with, in words (RFC 8439 section 2.5.1). */
const CLAMP = [0x0fffffff, 0x0ffffffc, 0x0ffffffc, 0x0ffffffc];
/** The 2^128 that is added to each whole block, as it stands in the highest limb. */
const ABOVE = 2 ** (128 - 4 * BITS);

/** Five limbs: of one number, or of the numbers in each lane. */
type Limbs = Tuple<Local, 5>;

/** Limbs that are i64. */
const scalar = {
  add: i64.add,
  above: (limb: Code) => i64.shr_u(limb, i64.const(BigInt(BITS))),
  within: (limb: Code) => i64.and(limb, i64.const(BigInt(MASK))),
  times5: (limb: Code) => i64.mul(limb, i64.const(5n)),
};
/** Limbs that are lanes of an i64x2. */
const vector = {
  add: i64x2.add,
  above: (limb: Code) => i64x2.shr_u(limb, i32.const(BITS)),
  within: (limb: Code) => v128.and(limb, v128.const(MASK, 0, MASK, 0)),
  times5: (limb: Code) => i64x2.add(limb, i64x2.shl(limb, i32.const(2))),
};

/**
 * Generates `poly1305(key, message, length, tag)`, which writes the tag of a
 * message of at least one byte.
 *
 * It overwrites the 48 bytes before the message and the 16 after it. The tag
 * may go there.
 */
export function poly1305(): WasmFunction {
  const f = new WasmFunction("poly1305");
  const key = f.parameter();
  const message = f.parameter();
  const length = f.parameter();
  const tag = f.parameter();
  const s = f.locals("i64", 2);
  const h = f.locals("v128", 5);
  const r = f.locals("v128", 5);
  const powers = f.locals("v128", 5);
  const words = f.locals("v128", 4);
  const spare = f.locals("v128", 4);
  const above = f.local("v128");
  const blocks = f.local("i32");
  const lead = f.local("i32");
  const { setFactor, multiply } = multiplication(f, h);

  // r in the first lanes, 1 in the others.
  const rInFirst = (lanes: number) =>
    r.map(({ get }, i) =>
      v128.bitselect(
        get,
        splat(i === 0 ? 1 : 0),
        v128.const(-1, lanes > 1 ? -1 : 0, lanes > 2 ? -1 : 0, 0),
      )
    );

  f.body = [
    s.map((half, i) => half.set(i64.load(key.get, 16 + 8 * i))),
    words.map((word, i) =>
      word.set(v128.and(v128.load32_splat(key.get, 4 * i), splat(CLAMP[i]!)))
    ),
    limbsOf(words).map((limb, i) => r[i]!.set(limb)),

    // powers = (r^4, r^3, r^2, r)
    r.map(({ get }, i) => h[i]!.set(get)),
    [3, 2, 1].map((n) => [setFactor(rInFirst(n)), multiply]),
    h.map(({ get }, i) => powers[i]!.set(get)),

    // A one and zeros fill up the last block. Blocks of zeros in front make
    // the number of blocks a multiple of four; they leave h = 0 as it is.
    v128.store(i32.add(message.get, length.get), v128.const(1, 0, 0, 0)),
    [1, 2, 3].map((block) =>
      v128.store(i32.sub(message.get, i32.const(16 * block)), splat(0))
    ),
    blocks.set(i32.shr_u(i32.add(length.get, i32.const(15)), i32.const(4))),
    lead.set(i32.and(i32.sub(i32.const(0), blocks.get), i32.const(3))),
    blocks.set(i32.add(blocks.get, lead.get)),
    message.set(i32.sub(message.get, i32.shl(lead.get, i32.const(4)))),
    above.set(
      v128.and(
        i32x4.ge_s(v128.const(0, 1, 2, 3), i32x4.splat(lead.get)),
        splat(ABOVE),
      ),
    ),

    setFactor(h.map(({ get }) => i32x4.shuffle(get, get, 0, 0, 0, 0))),
    h.map((limb) => limb.set(splat(0))),
    doWhile([
      blocks.set(i32.sub(blocks.get, i32.const(4))),
      when(i32.eqz(blocks.get), [
        setFactor(powers.map(({ get }) => get)),
        // The one that a block was filled up with stands for what is above it.
        when(i32.and(length.get, i32.const(15)), [
          above.set(i32x4.replace_lane(above.get, 3, i32.const(0))),
        ]),
      ]),
      words.map((word, i) => word.set(v128.load(message.get, 16 * i))),
      transpose(words, spare),
      limbsOf(words).map((limb, i) => h[i]!.set(i32x4.add(h[i]!.get, limb))),
      h[4].set(i32x4.add(h[4].get, above.get)),
      multiply,
      above.set(splat(ABOVE)),
      message.set(i32.add(message.get, i32.const(64))),
    ], blocks.get),
    finish(f.locals("i64", 6), h, s, tag),
  ];
  return f;
}

/** tag = ((the sum of h's lanes) modulo p + s) modulo 2^128 */
function finish(
  [a, b, c, d, e, carry]: Tuple<Local, 6>,
  h: Limbs,
  [sLow, sHigh]: Tuple<Local, 2>,
  tag: Local,
): Code {
  const n: Limbs = [a, b, c, d, e];
  const shl = (limb: Local, bits: bigint) => i64.shl(limb.get, i64.const(bits));
  return [
    n.map((limb, i) =>
      limb.set(
        [0, 1, 2, 3]
          .map((lane) => i64.extend_i32_u(i32x4.extract_lane(h[i]!.get, lane)))
          .reduce((sum, lane) => i64.add(sum, lane)),
      )
    ),
    carryRound(n, scalar),
    // Now n < 2p. It is n >= p exactly if n + 5 >= 2^130; n - p is n + 5 without that bit.
    carry.set(i64.const(5n)),
    n.map((limb) => carry.set(scalar.above(i64.add(limb.get, carry.get)))),
    a.set(i64.add(a.get, scalar.times5(carry.get))),
    carry.set(i64.const(0n)),
    n.map((limb) => [
      limb.set(i64.add(limb.get, carry.get)),
      carry.set(scalar.above(limb.get)),
      limb.set(scalar.within(limb.get)),
    ]),
    // a and c become the low and the high half.
    a.set(i64.or(i64.or(a.get, shl(b, 26n)), shl(c, 52n))),
    c.set(
      i64.or(
        i64.or(i64.shr_u(c.get, i64.const(12n)), shl(d, 14n)),
        shl(e, 40n),
      ),
    ),
    a.set(i64.add(a.get, sLow.get)),
    c.set(
      i64.add(
        i64.add(c.get, sHigh.get),
        i64.extend_i32_u(i64.lt_u(a.get, sLow.get)),
      ),
    ),
    i64.store(tag.get, a.get),
    i64.store(tag.get, c.get, 8),
  ];
}

/**
 * Multiplication of h by a factor that changes seldom, lane by lane.
 *
 * Limbs come out below 2^26 + 2^9, so with a block added h's are below
 * 2^27 + 2^9, and the sums of five products below 2^58.
 */
function multiplication(
  f: WasmFunction,
  h: Limbs,
): { setFactor(limbs: Code[]): Code; multiply: Code } {
  const factor = f.locals("v128", 5);
  // Products that reach 2^130 come back at the bottom 5 times as large.
  const factor5 = f.locals("v128", 5);
  const low = f.locals("v128", 5);
  const high = f.locals("v128", 5);
  const sum = (limb: number, product: (a: Code, b: Code) => Code) =>
    h.map(({ get }, i) =>
      product(
        get,
        i <= limb ? factor[limb - i]!.get : factor5[5 + limb - i]!.get,
      )
    ).reduce((a, b) => i64x2.add(a, b));
  return {
    setFactor: (limbs) => [
      limbs.map((limb, i) => factor[i]!.set(limb)),
      factor.map(({ get }, i) =>
        factor5[i]!.set(i32x4.add(get, i32x4.shl(get, i32.const(2))))
      ),
    ],
    multiply: [
      low.map((limb, i) => limb.set(sum(i, i64x2.extmul_low_i32x4_u))),
      high.map((limb, i) => limb.set(sum(i, i64x2.extmul_high_i32x4_u))),
      carryRound(low, vector),
      carryRound(high, vector),
      h.map((limb, i) =>
        limb.set(i32x4.shuffle(low[i]!.get, high[i]!.get, 0, 2, 4, 6))
      ),
    ],
  };
}

/** Takes what is above each limb's bits to the next one, and from the last to the first two. */
function carryRound(limbs: Limbs, ops: typeof scalar): Code {
  const [a, b, c, d, e] = limbs;
  const carry = (from: Local, to: Local, times = (limb: Code) => limb) => [
    to.set(ops.add(to.get, times(ops.above(from.get)))),
    from.set(ops.within(from.get)),
  ];
  return [
    carry(a, b),
    carry(b, c),
    carry(c, d),
    carry(d, e),
    carry(e, a, ops.times5),
    carry(a, b),
  ];
}

/** The limbs of the numbers whose 32-bit words are given. */
function limbsOf(words: Tuple<Local, 4>): Code[] {
  const [a, b, c, d] = words.map(({ get }) => get) as Tuple<Code, 4>;
  /** The 26 bits that begin at that bit of the first word. */
  const from = (bit: number, first: Code, second: Code) =>
    v128.and(
      v128.or(
        i32x4.shr_u(first, i32.const(bit)),
        i32x4.shl(second, i32.const(32 - bit)),
      ),
      splat(MASK),
    );
  return [
    v128.and(a, splat(MASK)),
    from(26, a, b),
    from(20, b, c),
    from(14, c, d),
    i32x4.shr_u(d, i32.const(8)),
  ];
}

/** The same number in each lane of an i32x4. */
function splat(value: number): Code {
  return v128.const(value, value, value, value);
}
