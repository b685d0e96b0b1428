import { createCipheriv } from "node:crypto";
import { CHACHA20_STRIDE } from "../../../src/ssh/cipher/chacha20.ts";
import { chacha20WithPoly1305 } from "../../../src/ssh/cipher/chacha20_with_poly1305.ts";
import { assemble } from "../../../src/ssh/cipher/wasm_assembler.ts";
import { assertEquals } from "../../assert.ts";
import { poly1305Oracle } from "./poly1305_oracle.ts";

const { exports } = new WebAssembly.Instance(
  new WebAssembly.Module(assemble([chacha20WithPoly1305()], 4)),
);
const memory = new Uint8Array((exports.memory as WebAssembly.Memory).buffer);
const run = exports.chacha20WithPoly1305 as (...args: number[]) => void;

const STATE = 0;
const TAG = 64;
const FROM = 4096;
/** The first block of the keystream. */
const FIRST = 64;
const BEFORE = 2 * CHACHA20_STRIDE;

const hex = (text: string) => Uint8Array.fromHex(text);
const random = (size: number) => crypto.getRandomValues(new Uint8Array(size));

/** Everything that is needed for a run, as it should come out, too. */
function expected(data: Uint8Array, { isSealing = true } = {}) {
  const key = random(32);
  const nonce = random(16).fill(0, 0, 4); // the counter begins at 0
  const head = random(4);
  const cipher = createCipheriv("chacha20", key, nonce);
  const out = new Uint8Array(
    cipher.update(new Uint8Array([...new Uint8Array(FIRST), ...data])),
  );
  cipher.final(); // else Deno never frees it
  const result = out.subarray(FIRST);
  const message = [...head, ...(isSealing ? result : data)];
  const tag = poly1305Oracle(out.subarray(0, 32), new Uint8Array(message));
  return { key, nonce, head, result, tag };
}

interface Input {
  key: Uint8Array;
  nonce: Uint8Array;
  head: Uint8Array;
}

function crypt({ key, nonce, head }: Input, data: Uint8Array, to: number) {
  const constants = new TextEncoder().encode("expand 32-byte k");
  memory.set([...constants, ...key, ...nonce], STATE);
  memory.fill(0, FROM, FROM + FIRST);
  memory.set(data, FROM + FIRST);
  const word = new DataView(head.buffer).getInt32(0, true);
  run(STATE, FROM, to, FIRST + data.length, word, TAG);
  return {
    result: memory.slice(to + FIRST, to + FIRST + data.length).toHex(),
    tag: memory.slice(TAG, TAG + 16).toHex(),
  };
}

Deno.test("chacha20WithPoly1305() agrees with node:crypto on data of all lengths, in place", () => {
  const bytes = random(5 * CHACHA20_STRIDE);
  for (let length = 1; length <= bytes.length; length++) {
    const data = bytes.subarray(0, length);
    const { result, tag, ...input } = expected(data);
    crypto.getRandomValues(memory.subarray(FROM, FROM + 2 * length));
    assertEquals(
      crypt(input, data, FROM),
      { result: result.toHex(), tag: tag.toHex() },
      `${length} bytes`,
    );
  }
});

Deno.test("chacha20WithPoly1305() makes the tag of what it decrypts to somewhere before", () => {
  const bytes = random(5 * CHACHA20_STRIDE);
  for (let length = 1; length <= bytes.length; length++) {
    const data = bytes.subarray(0, length);
    const { result, tag, ...input } = expected(data, { isSealing: false });
    assertEquals(
      crypt(input, data, FROM - BEFORE),
      { result: result.toHex(), tag: tag.toHex() },
      `${length} bytes`,
    );
  }
});

Deno.test("chacha20WithPoly1305() agrees with node:crypto on large data", () => {
  for (const fill of [0x00, 0xff, undefined]) {
    const data = fill === undefined
      ? random(65_000)
      : new Uint8Array(65_000).fill(fill);
    for (const isSealing of [true, false]) {
      const { result, tag, ...input } = expected(data, { isSealing });
      assertEquals(
        crypt(input, data, isSealing ? FROM : FROM - BEFORE),
        { result: result.toHex(), tag: tag.toHex() },
      );
    }
  }
});

Deno.test("chacha20WithPoly1305() uses nothing but whole strides, and 16 bytes after the data", () => {
  const data = random(CHACHA20_STRIDE - FIRST);
  const { result: _, tag: __, ...input } = expected(data);
  memory.fill(7, 128);
  crypt(input, data, FROM);
  const end = FROM + CHACHA20_STRIDE + 16;
  assertEquals(memory.subarray(128, FROM).every((byte) => byte === 7), true);
  assertEquals(memory.subarray(end).every((byte) => byte === 7), true);
});

Deno.test("chacha20WithPoly1305() leaves the tag's key where it writes to: RFC 8439 section A.4 #1", () => {
  const input = {
    key: new Uint8Array(32),
    nonce: new Uint8Array(16),
    head: new Uint8Array(4),
  };
  crypt(input, new Uint8Array(1), FROM - BEFORE);
  assertEquals(
    memory.slice(FROM - BEFORE, FROM - BEFORE + 32),
    hex("76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"),
  );
});
