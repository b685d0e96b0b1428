import {
  assemble,
  type Code,
  doWhile,
  i32,
  i64,
  transpose,
  v128,
  WasmFunction,
  when,
} from "../../../src/ssh/cipher/wasm_assembler.ts";
import { assertEquals } from "../../assert.ts";

/** Runs a function of one parameter; returns the first 64 bits of memory. */
function result(body: (f: WasmFunction) => Code, argument = 0): bigint {
  const f = new WasmFunction("f");
  f.body = body(f);
  const { exports } = new WebAssembly.Instance(
    new WebAssembly.Module(assemble([f], 1)),
  );
  (exports.f as (argument: number) => void)(argument);
  const { buffer } = exports.memory as WebAssembly.Memory;
  return new DataView(buffer).getBigInt64(0, true);
}

Deno.test("assemble() exports functions and a memory that cannot grow", () => {
  const module = new WebAssembly.Module(
    assemble([new WasmFunction("one"), new WasmFunction("two")], 3),
  );
  assertEquals(WebAssembly.Module.exports(module), [
    { name: "memory", kind: "memory" },
    { name: "one", kind: "function" },
    { name: "two", kind: "function" },
  ] as WebAssembly.ModuleExportDescriptor[]);
  const { memory } = new WebAssembly.Instance(module).exports;
  assertEquals((memory as WebAssembly.Memory).buffer.byteLength, 3 * 65536);
});

Deno.test("i64.const() holds every size of number", () => {
  const edges = Array.from({ length: 63 }, (_, bit) => 1n << BigInt(bit))
    .flatMap((power) => [power - 1n, power, -power, -power - 1n]);
  for (const value of [...edges, 2n ** 63n - 1n, -(2n ** 63n)]) {
    assertEquals(
      result(() => i64.store(i32.const(0), i64.const(value))),
      value,
    );
  }
});

Deno.test("an offset is added to the address, however large", () => {
  for (const offset of [1, 127, 128, 16383, 16384, 65528]) {
    const value = result(() => [
      i64.store(i32.const(0), i64.const(5n), offset),
      i64.store(i32.const(0), i64.load32_u(i32.const(0), offset)),
    ]);
    assertEquals(value, 5n);
  }
});

Deno.test("a function keeps parameters and many variables apart", () => {
  const sum = result((f) => {
    const parameter = f.parameter();
    const locals = f.locals("i64", 200);
    return [
      locals.map((local, i) => local.set(i64.const(BigInt(i)))),
      i64.store(
        i32.const(0),
        locals.map((local) => local.get).reduce(
          (a, b) => i64.add(a, b),
          i64.extend_i32_u(parameter.get),
        ),
      ),
    ];
  }, 1_000_000);
  assertEquals(sum, 1_000_000n + 199n * 200n / 2n);
});

Deno.test("doWhile() and when() decide by their conditions", () => {
  const sumOfEven = result((f) => {
    const count = f.parameter();
    const sum = f.local("i64");
    return [
      doWhile([
        when(i32.eqz(i32.and(count.get, i32.const(1))), [
          sum.set(i64.add(sum.get, i64.extend_i32_u(count.get))),
        ]),
        count.set(i32.sub(count.get, i32.const(1))),
      ], count.get),
      i64.store(i32.const(0), sum.get),
    ];
  }, 10);
  assertEquals(sumOfEven, 30n);
});

Deno.test("transpose() turns rows into columns", () => {
  for (const [column, low] of [0, 1, 2, 3].entries()) {
    const value = result((f) => {
      const rows = f.locals("v128", 4);
      return [
        rows.map((row, i) =>
          row.set(v128.const(10 * i, 10 * i + 1, 10 * i + 2, 10 * i + 3))
        ),
        transpose(rows, f.locals("v128", 4)),
        v128.store(i32.const(0), rows[column]!.get),
      ];
    });
    assertEquals(value, BigInt(low) | BigInt(10 + low) << 32n);
  }
});
