/**
 * As much of an assembler for WebAssembly as ChaCha20, Poly1305 and sntrup761
 * need.
 *
 * An instruction is a function from the code of its operands to its own code,
 * so that expressions nest: `i32x4.add(a.get, b.get)`. A macro is a function
 * too. The names and numbers are the specification's
 * (https://webassembly.github.io/spec/core/binary/).
 *
 * @module
 */

/** Encoded instructions, in pieces. */
export type Code = number | readonly Code[];

/** The type of a variable. */
export type Type = "i32" | "i64" | "v128";
/** The types as they are encoded. */
const TYPES: Record<Type, number> = { i32: 0x7f, i64: 0x7e, v128: 0x7b };

/** A local variable of a function. */
export class Local {
  /** Its value. */
  readonly get: Code;
  readonly #index: Code;

  /**
   * Names one.
   *
   * @param index Its number within the function.
   */
  constructor(index: number) {
    this.#index = unsigned(index);
    this.get = [0x20, this.#index];
  }

  /** Gives it the value of an expression. */
  set(value: Code): Code {
    return [value, 0x21, this.#index];
  }
}

/** An array of a known length. */
export type Tuple<T, N extends number, Start extends T[] = []> =
  Start["length"] extends N ? Start : Tuple<T, N, [T, ...Start]>;

/** A function without results whose parameters are i32. */
export class WasmFunction {
  /** What it is exported as. */
  readonly name: string;
  /** What it does. */
  body: Code = [];
  #parameters = 0;
  readonly #types: Type[] = [];

  /**
   * Begins one that does nothing.
   *
   * @param name What it is exported as.
   */
  constructor(name: string) {
    this.name = name;
  }

  /** Its next parameter; all come before the first local. */
  parameter(): Local {
    return new Local(this.#parameters++);
  }

  /** A new variable. */
  local(type: Type): Local {
    return new Local(this.#parameters + this.#types.push(type) - 1);
  }

  /** That many new variables. */
  locals<N extends number>(type: Type, count: N): Tuple<Local, N> {
    const locals = Array.from({ length: count }, () => this.local(type));
    return locals as Tuple<Local, N>;
  }

  /** Its entry in the type section. */
  get type(): Code {
    return [0x60, vector(Array(this.#parameters).fill(TYPES.i32)), 0];
  }

  /** Its entry in the code section. */
  get code(): Code {
    const locals = vector(this.#types.map((type) => [1, TYPES[type]]));
    return sized([locals, this.body, 0x0b]);
  }
}

/**
 * Assembles a module that exports the functions and its `memory`.
 *
 * @param pages The size of the memory in pages of 64 KiB; it cannot grow.
 */
export function assemble(
  functions: readonly WasmFunction[],
  pages: number,
): Uint8Array<ArrayBuffer> {
  const exported = (name: string, kind: number, index: number): Code => [
    vector([...new TextEncoder().encode(name)]),
    kind,
    unsigned(index),
  ];
  const section = (id: number, entries: Code[]) => [id, sized(vector(entries))];
  return Uint8Array.from(flat([
    [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // "\0asm", version 1
    section(1, functions.map(({ type }) => type)),
    section(3, functions.map((_, i) => unsigned(i))),
    section(5, [[1, unsigned(pages), unsigned(pages)]]),
    section(7, [
      exported("memory", 2, 0),
      ...functions.map(({ name }, i) => exported(name, 0, i)),
    ]),
    section(10, functions.map(({ code }) => code)),
  ]));
}

/** Runs the body, and again as long as the condition is not 0 then. */
export function doWhile(body: Code, condition: Code): Code {
  return [0x03, 0x40, body, condition, 0x0d, 0, 0x0b];
}

/** Runs the body if the condition is not 0. */
export function when(condition: Code, body: Code): Code {
  return [condition, 0x04, 0x40, body, 0x0b];
}

/** An instruction of one byte. */
const plain = (opcode: number) => (...operands: Code[]): Code => [
  operands,
  opcode,
];

/** An instruction on vectors. */
const simd = (opcode: number) => (...operands: Code[]): Code => [
  operands,
  0xfd,
  unsigned(opcode),
];

/** A load; the offset is added to the address. */
const load = (...opcode: number[]) => (address: Code, offset = 0): Code => [
  address,
  [...opcode, 0, unsigned(offset)],
];

/** A store; the offset is added to the address. */
const store =
  (...opcode: number[]) => (address: Code, value: Code, offset = 0): Code => [
    [address, value],
    [...opcode, 0, unsigned(offset)],
  ];

/** Integers of 32 bits. */
export const i32 = {
  store: store(0x36),
  const: (value: number): Code => [0x41, signed(BigInt(value))],
  /** 1 if the operand is 0, else 0. */
  eqz: plain(0x45),
  gt_s: plain(0x4a),
  add: plain(0x6a),
  sub: plain(0x6b),
  and: plain(0x71),
  shr_u: plain(0x76),
};

/** Integers of 64 bits. */
export const i64 = {
  load32_u: load(0x35),
  store: store(0x37),
  store32: store(0x3e),
  const: (value: bigint): Code => [0x42, signed(value)],
  add: plain(0x7c),
  mul: plain(0x7e),
  and: plain(0x83),
  shr_u: plain(0x88),
  extend_i32_u: plain(0xad),
};

/** Vectors of 128 bits, whatever is in them. */
export const v128 = {
  load: load(0xfd, 0x00),
  load32_splat: load(0xfd, 0x09),
  store: store(0xfd, 0x0b),
  /** Four lanes of 32 bits. */
  const: (...lanes: Tuple<number, 4>): Code => [
    [0xfd, 0x0c],
    [...new Uint8Array(Uint32Array.from(lanes).buffer)],
  ],
  and: simd(0x4e),
  or: simd(0x50),
  xor: simd(0x51),
};

/** Vectors of sixteen bytes. */
export const i8x16 = {
  /** The bytes of the first operand that the second one names, each below 16. */
  relaxed_swizzle: simd(0x100),
};

/** Vectors of four lanes of 32 bits. */
export const i32x4 = {
  /** The lanes of `a`, 0 to 3, and of `b`, 4 to 7, that are named. */
  shuffle: (a: Code, b: Code, ...lanes: Tuple<number, 4>): Code => [
    [a, b, 0xfd, 0x0d],
    lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte)),
  ],
  splat: simd(0x11),
  shl: simd(0xab),
  shr_s: simd(0xac),
  shr_u: simd(0xad),
  add: simd(0xae),
  sub: simd(0xb1),
  mul: simd(0xb5),
};

/**
 * Turns four vectors, the rows of a matrix of i32, into its columns.
 *
 * @param spare Four variables that are overwritten.
 */
export function transpose(
  [a, b, c, d]: Tuple<Local, 4>,
  [s, t, u, v]: Tuple<Local, 4>,
): Code {
  return [
    s.set(i32x4.shuffle(a.get, b.get, 0, 4, 1, 5)),
    t.set(i32x4.shuffle(a.get, b.get, 2, 6, 3, 7)),
    u.set(i32x4.shuffle(c.get, d.get, 0, 4, 1, 5)),
    v.set(i32x4.shuffle(c.get, d.get, 2, 6, 3, 7)),
    a.set(i32x4.shuffle(s.get, u.get, 0, 1, 4, 5)),
    b.set(i32x4.shuffle(s.get, u.get, 2, 3, 6, 7)),
    c.set(i32x4.shuffle(t.get, v.get, 0, 1, 4, 5)),
    d.set(i32x4.shuffle(t.get, v.get, 2, 3, 6, 7)),
  ];
}

/** A vector of the binary format: its length and its entries. */
function vector(entries: readonly Code[]): Code {
  return [unsigned(entries.length), entries];
}

/** Code with its size in bytes in front. */
function sized(code: Code): Code {
  const bytes = flat(code);
  return [unsigned(bytes.length), bytes];
}

function flat(code: Code): number[] {
  return [code].flat(Infinity as 1) as number[];
}

/** LEB128 */
function unsigned(value: number): Code {
  const bytes = [];
  for (; value > 0x7f; value >>>= 7) bytes.push(value & 0x7f | 0x80);
  return [...bytes, value];
}

/** LEB128 of a number in two's complement. */
function signed(value: bigint): Code {
  const bytes = [];
  for (; value < -0x40n || value > 0x3fn; value >>= 7n) {
    bytes.push(Number(value & 0x7fn) | 0x80);
  }
  return [...bytes, Number(value & 0x7fn)];
}
