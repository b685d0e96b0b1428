import { ChaCha20, CHACHA20_STRIDE, DOUBLE_ROUNDS } from "./chacha20.ts";
import { Poly1305, POLY1305_BLOCK } from "./poly1305.ts";
import {
  type Code,
  doWhile,
  i32,
  WasmFunction,
  when,
} from "./wasm_assembler.ts";

/** Bytes that Poly1305 takes during a double round. */
const STEP = 2 * POLY1305_BLOCK;
/** Where the message begins, from the beginning of the tag key's block. */
const MESSAGE = 60;

/**
 * Generates `chacha20WithPoly1305(state, from, to, length, head, tag)`: XORs
 * the keystream to data, and makes the tag of what is at `from`.
 *
 * ChaCha20 waits for the vector units of the processor, and Poly1305 for its
 * multiplier: together they take little longer than the slower one (measured on
 * Zen 5: 21 us for 32 KiB instead of 30). So while a stride's rounds run, the
 * tag takes what is before it.
 *
 * The first 64 bytes at `from` are to be zeros, so that the first block of the
 * keystream appears at `to`: the tag's key. Then `head`, four bytes, is put in
 * front of the data at `from`, and authenticated with it.
 *
 * The length, 64 bytes and at least one of data, is rounded up to whole strides
 * where it is read and written: what follows has to be expendable. `to` is
 * either `from`, or at least two strides before it.
 */
export function chacha20WithPoly1305(): WasmFunction {
  const f = new WasmFunction("chacha20WithPoly1305");
  const state = f.parameter();
  const from = f.parameter();
  const to = f.parameter();
  const length = f.parameter();
  const head = f.parameter();
  const tag = f.parameter();
  const end = f.local("i32");
  const key = f.local("i32");
  const message = f.local("i32");
  const both = f.local("i32");
  const rounds = f.local("i32");
  const cipher = new ChaCha20(f, state);
  const mac = new Poly1305(f);

  f.body = [
    cipher.begin,
    end.set(i32.add(from.get, length.get)),
    key.set(to.get),
    message.set(from.get),
    doWhile([
      cipher.start,
      // None in the first stride, at most eight in the others.
      both.set(
        i32.shr_u(i32.sub(from.get, message.get), i32.const(Math.log2(STEP))),
      ),
      rounds.set(i32.sub(i32.const(DOUBLE_ROUNDS), both.get)),
      when(both.get, [
        doWhile([
          interleave(cipher.doubleRound, [
            ...mac.block(message),
            ...mac.block(message, POLY1305_BLOCK),
          ]),
          message.set(i32.add(message.get, i32.const(STEP))),
          both.set(i32.sub(both.get, i32.const(1))),
        ], both.get),
      ]),
      doWhile([
        cipher.doubleRound,
        rounds.set(i32.sub(rounds.get, i32.const(1))),
      ], rounds.get),
      cipher.xor(from, to),
      when(i32.eqz(i32.sub(to.get, key.get)), [
        mac.begin(key),
        i32.store(from.get, head.get, MESSAGE),
        message.set(i32.add(from.get, i32.const(MESSAGE))),
      ]),
      from.set(i32.add(from.get, i32.const(CHACHA20_STRIDE))),
      to.set(i32.add(to.get, i32.const(CHACHA20_STRIDE))),
    ], i32.gt_s(end.get, from.get)),
    mac.finish(message, end, key, tag),
  ];
  return f;
}

/** Spreads pieces of code evenly among others. */
function interleave(code: Code[], among: Code[]): Code {
  return code.map((piece, i) => [
    piece,
    among.slice(
      Math.floor(among.length * i / code.length),
      Math.floor(among.length * (i + 1) / code.length),
    ),
  ]);
}
