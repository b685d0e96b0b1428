/**
 * ChaCha20 (RFC 8439 section 2) in WebAssembly.
 *
 * A vector holds one word of the states of four blocks, one in each lane. Two
 * such sets of sixteen vectors are worked on in turns, because one alone waits
 * for its own results (measured on Zen 5: 17 us for 32 KiB instead of 25).
 *
 * @module
 */

import {
  type Code,
  doWhile,
  i32,
  i32x4,
  i8x16,
  type Local,
  transpose,
  type Tuple,
  v128,
  WasmFunction,
} from "./wasm_assembler.ts";

/** Bytes that are worked on at once: eight blocks. */
export const CHACHA20_STRIDE = 512;

/** Byte indices that rotate each lane to the left by 16 and by 8 bits. */
const ROTATE_16 = v128.const(0x01000302, 0x05040706, 0x09080b0a, 0x0d0c0f0e);
const ROTATE_8 = v128.const(0x02010003, 0x06050407, 0x0a09080b, 0x0e0d0c0f);

/**
 * Generates `chacha20(state, data, length)`, which XORs the keystream to data.
 *
 * The length, at least 1, is rounded up to whole strides: what follows the
 * data has to be expendable. The 16 words of the state stay as they are.
 */
export function chacha20(): WasmFunction {
  const f = new WasmFunction("chacha20");
  const state = f.parameter();
  const data = f.parameter();
  const length = f.parameter();
  const rounds = f.local("i32");
  // In variables, as V8 would make the constants anew each time.
  const indices = f.locals("v128", 2);
  const spare = f.locals("v128", 4);
  const word = (i: number) => v128.load32_splat(state.get, 4 * i);
  const sets = [0, 4].map((first) => {
    const counters = f.local("v128");
    const x = f.locals("v128", 16);
    const initial = (i: number) => i === 12 ? counters.get : word(i);
    return { first, counters, x, initial };
  });

  f.body = [
    indices[0].set(ROTATE_16),
    indices[1].set(ROTATE_8),
    sets.map(({ first, counters }) =>
      counters.set(
        i32x4.add(word(12), v128.const(first, first + 1, first + 2, first + 3)),
      )
    ),
    doWhile([
      sets.map(({ x, initial }) => x.map((word, i) => word.set(initial(i)))),
      rounds.set(i32.const(10)),
      doWhile([
        sets.map(({ x }) => columnRound(x, indices)),
        sets.map(({ x }) => diagonalRound(x, indices)),
        rounds.set(i32.sub(rounds.get, i32.const(1))),
      ], rounds.get),
      sets.map(({ first, counters, x, initial }) => [
        x.map((word, i) => word.set(i32x4.add(word.get, initial(i)))),
        counters.set(i32x4.add(counters.get, v128.const(8, 8, 8, 8))),
        [0, 4, 8, 12].map((i) => {
          const words = x.slice(i, i + 4) as Tuple<Local, 4>;
          return [
            transpose(words, spare),
            words.map((block, j) =>
              xorTo(data, 64 * (first + j) + 4 * i, block)
            ),
          ];
        }),
      ]),
      data.set(i32.add(data.get, i32.const(CHACHA20_STRIDE))),
      length.set(i32.sub(length.get, i32.const(CHACHA20_STRIDE))),
    ], i32.gt_s(length.get, i32.const(0))),
  ];
  return f;
}

/** XORs a vector to memory. */
function xorTo(address: Local, offset: number, vector: Local): Code {
  return v128.store(
    address.get,
    v128.xor(v128.load(address.get, offset), vector.get),
    offset,
  );
}

type State = Tuple<Local, 16>;
type Indices = Tuple<Local, 2>;

function columnRound(x: State, indices: Indices): Code {
  return [
    quarterRound(x[0], x[4], x[8], x[12], indices),
    quarterRound(x[1], x[5], x[9], x[13], indices),
    quarterRound(x[2], x[6], x[10], x[14], indices),
    quarterRound(x[3], x[7], x[11], x[15], indices),
  ];
}

function diagonalRound(x: State, indices: Indices): Code {
  return [
    quarterRound(x[0], x[5], x[10], x[15], indices),
    quarterRound(x[1], x[6], x[11], x[12], indices),
    quarterRound(x[2], x[7], x[8], x[13], indices),
    quarterRound(x[3], x[4], x[9], x[14], indices),
  ];
}

/** RFC 8439 section 2.1 */
function quarterRound(
  a: Local,
  b: Local,
  c: Local,
  d: Local,
  [by16, by8]: Indices,
): Code {
  return [
    a.set(i32x4.add(a.get, b.get)),
    d.set(v128.xor(d.get, a.get)),
    d.set(i8x16.relaxed_swizzle(d.get, by16.get)),
    c.set(i32x4.add(c.get, d.get)),
    b.set(v128.xor(b.get, c.get)),
    b.set(rotate(b, 12)),
    a.set(i32x4.add(a.get, b.get)),
    d.set(v128.xor(d.get, a.get)),
    d.set(i8x16.relaxed_swizzle(d.get, by8.get)),
    c.set(i32x4.add(c.get, d.get)),
    b.set(v128.xor(b.get, c.get)),
    b.set(rotate(b, 7)),
  ];
}

/** Each lane rotated to the left. */
function rotate({ get }: Local, bits: number): Code {
  return v128.or(
    i32x4.shl(get, i32.const(bits)),
    i32x4.shr_u(get, i32.const(32 - bits)),
  );
}
