/**
 * The two loops in which sntrup761 spends its time, in WebAssembly: fast from
 * the first run on, and with instructions that do not depend on what an engine
 * has learned of the numbers.
 *
 * @module
 */

import {
  assemble,
  doWhile,
  i32,
  i32x4,
  type Local,
  v128,
  WasmFunction,
} from "../../../cipher/wasm_assembler.ts";
import { FQ } from "./field.ts";

/** Coefficients that are worked on at once. */
export const LANES = 4;

/** The functions, and the memory that they work on. All of it is used within one turn, and wiped then. */
export interface Kernel {
  /** The memory as words. Addresses and sizes are in bytes. */
  readonly words: Int32Array;
  /** Adds `a * factor` to what is at `sum`. */
  addMultiple(a: number, sum: number, size: number, factor: number): void;
  /** Swaps what is at `a` and `b` under a mask, then sets `b = f0 * b - g0 * a` modulo q. */
  combine(
    a: number,
    b: number,
    size: number,
    f0: number,
    g0: number,
    swap: number,
  ): void;
}

let kernel: Kernel | undefined;

/** Made when it is first needed. */
export function startKernel(): Kernel {
  if (kernel) return kernel;
  const bytes = assemble([addMultiple(), combine()], 1);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const { buffer } = exports.memory as WebAssembly.Memory;
  kernel = {
    words: new Int32Array(buffer),
    addMultiple: exports.addMultiple as Kernel["addMultiple"],
    combine: exports.combine as Kernel["combine"],
  };
  return kernel;
}

function addMultiple(): WasmFunction {
  const f = new WasmFunction("addMultiple");
  const [a, sum, size, factor] = [0, 1, 2, 3].map(() => f.parameter()) as [
    Local,
    Local,
    Local,
    Local,
  ];
  const factors = f.local("v128");
  f.body = [
    factors.set(i32x4.splat(factor.get)),
    forEachVector(
      [a, sum],
      size,
      v128.store(
        sum.get,
        i32x4.add(
          v128.load(sum.get),
          i32x4.mul(v128.load(a.get), factors.get),
        ),
      ),
    ),
  ];
  return f;
}

function combine(): WasmFunction {
  const f = new WasmFunction("combine");
  const [a, b, size, ...scalars] = Array.from(
    { length: 6 },
    () => f.parameter(),
  ) as [Local, Local, Local, Local, Local, Local];
  const [f0, g0, swap] = f.locals("v128", 3);
  const [x, y, change] = f.locals("v128", 3);
  const constant = (value: number) => v128.const(value, value, value, value);
  const { modulus, by18, by27 } = FQ;
  /** Takes off as often the modulus. */
  const takeOff = (times: Parameters<typeof i32x4.sub>[0]) =>
    y.set(i32x4.sub(y.get, i32x4.mul(times, constant(modulus))));
  f.body = [
    [f0, g0, swap].map((vector, i) => vector.set(i32x4.splat(scalars[i]!.get))),
    forEachVector([a, b], size, [
      x.set(v128.load(a.get)),
      y.set(v128.load(b.get)),
      change.set(v128.and(v128.xor(x.get, y.get), swap.get)),
      x.set(v128.xor(x.get, change.get)),
      y.set(v128.xor(y.get, change.get)),
      v128.store(a.get, x.get),
      y.set(
        i32x4.sub(i32x4.mul(f0.get, y.get), i32x4.mul(g0.get, x.get)),
      ),
      // As reduce() does it.
      takeOff(
        i32x4.shr_s(i32x4.mul(y.get, constant(by18)), i32.const(18)),
      ),
      takeOff(
        i32x4.shr_s(
          i32x4.add(i32x4.mul(y.get, constant(by27)), constant(1 << 26)),
          i32.const(27),
        ),
      ),
      v128.store(b.get, y.get),
    ]),
  ];
  return f;
}

/** Runs code for each vector of memory; the size is more than 0. */
function forEachVector(
  addresses: readonly Local[],
  size: Local,
  body: Parameters<typeof doWhile>[0],
) {
  return doWhile([
    body,
    addresses.map((it) => it.set(i32.add(it.get, i32.const(16)))),
    size.set(i32.sub(size.get, i32.const(16))),
  ], i32.gt_s(size.get, i32.const(0)));
}
