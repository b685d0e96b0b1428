/**
 * ChaCha20 (RFC 8439 section 2) in WebAssembly.
 *
 * A vector holds one word of the states of four blocks, one in each lane.
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

/** Bytes that are worked on at once: four blocks. */
export const CHACHA20_STRIDE = 256;
/** A column round and a diagonal round, each as many times. */
export const DOUBLE_ROUNDS = 10;

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
  const cipher = new ChaCha20(f, state);

  f.body = [
    cipher.begin,
    doWhile([
      cipher.start,
      rounds.set(i32.const(DOUBLE_ROUNDS)),
      doWhile([
        cipher.doubleRound,
        rounds.set(i32.sub(rounds.get, i32.const(1))),
      ], rounds.get),
      cipher.xor(data, data),
      data.set(i32.add(data.get, i32.const(CHACHA20_STRIDE))),
      length.set(i32.sub(length.get, i32.const(CHACHA20_STRIDE))),
    ], i32.gt_s(length.get, i32.const(0))),
  ];
  return f;
}

/** The code of ChaCha20 within a function, for a state in memory, and its variables. */
export class ChaCha20 {
  readonly #state: Local;
  readonly #x: Tuple<Local, 16>;
  /** The block's number in each lane. */
  readonly #counters: Local;
  readonly #spare: Tuple<Local, 4>;
  /** In variables, as V8 would make the constants anew each time. */
  readonly #indices: Tuple<Local, 2>;

  constructor(f: WasmFunction, state: Local) {
    this.#state = state;
    this.#x = f.locals("v128", 16);
    this.#counters = f.local("v128");
    this.#spare = f.locals("v128", 4);
    this.#indices = f.locals("v128", 2);
  }

  /** Comes before the first stride. */
  get begin(): Code {
    return [
      this.#indices[0].set(ROTATE_16),
      this.#indices[1].set(ROTATE_8),
      this.#counters.set(i32x4.add(this.#word(12), v128.const(0, 1, 2, 3))),
    ];
  }

  /** Starts a stride. */
  get start(): Code {
    return this.#x.map((word, i) => word.set(this.#initial(i)));
  }

  /** Two of the twenty rounds, in pieces between which other work can be done. */
  get doubleRound(): Code[] {
    return [0, 1].flatMap((shift) => {
      const quarters = [0, 1, 2, 3].map((i) =>
        quarterRound(
          this.#x[i]!,
          this.#x[4 + (i + shift) % 4]!,
          this.#x[8 + (i + 2 * shift) % 4]!,
          this.#x[12 + (i + 3 * shift) % 4]!,
          this.#indices,
        )
      );
      // Side by side, as each of them alone waits for its own results.
      return quarters[0]!.map((_, step) => quarters.map((q) => q[step]!));
    });
  }

  /** Ends a stride: XORs its keystream to what is at `from`, and writes that to `to`. */
  xor(from: Local, to: Local): Code {
    return [
      this.#x.map((word, i) => word.set(i32x4.add(word.get, this.#initial(i)))),
      this.#counters.set(i32x4.add(this.#counters.get, v128.const(4, 4, 4, 4))),
      [0, 4, 8, 12].map((i) => {
        const words = this.#x.slice(i, i + 4) as Tuple<Local, 4>;
        return [
          transpose(words, this.#spare),
          words.map((block, j) => {
            const offset = 64 * j + 4 * i;
            const data = v128.xor(v128.load(from.get, offset), block.get);
            return v128.store(to.get, data, offset);
          }),
        ];
      }),
    ];
  }

  #initial(i: number): Code {
    return i === 12 ? this.#counters.get : this.#word(i);
  }

  #word(i: number): Code {
    return v128.load32_splat(this.#state.get, 4 * i);
  }
}

/** RFC 8439 section 2.1, step by step. */
function quarterRound(
  a: Local,
  b: Local,
  c: Local,
  d: Local,
  [by16, by8]: Tuple<Local, 2>,
): Code[] {
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
