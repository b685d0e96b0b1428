import { Poly1305 } from "../../../src/ssh/cipher/poly1305.ts";
import {
  assemble,
  i32,
  WasmFunction,
} from "../../../src/ssh/cipher/wasm_assembler.ts";
import { assertEquals } from "../../assert.ts";
import { poly1305Oracle } from "./poly1305_oracle.ts";

/** `poly1305(key, message, length, tag)` */
function poly1305(): WasmFunction {
  const f = new WasmFunction("poly1305");
  const key = f.parameter();
  const message = f.parameter();
  const length = f.parameter();
  const tag = f.parameter();
  const end = f.local("i32");
  const mac = new Poly1305(f);
  f.body = [
    end.set(i32.add(message.get, length.get)),
    mac.begin(key),
    mac.finish(message, end, key, tag),
  ];
  return f;
}

const { exports } = new WebAssembly.Instance(
  new WebAssembly.Module(assemble([poly1305()], 4)),
);
const memory = new Uint8Array((exports.memory as WebAssembly.Memory).buffer);
const run = exports.poly1305 as (...args: number[]) => void;

/** The tag of a message with noise around it, which must not count. */
function tagOf(
  key: Uint8Array,
  message: Uint8Array,
  address = 1020,
): Uint8Array {
  crypto.getRandomValues(memory.subarray(0, 2048));
  memory.set(key, 32);
  memory.set(message, address);
  run(32, address, message.length, 0);
  return memory.slice(0, 16);
}

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));
const utf8 = (text: string) => new TextEncoder().encode(text);
const zeros = (count: number) => "00".repeat(count);
const ones = (count: number) => "ff".repeat(count);

const IETF = utf8(
  `Any submission to the IETF intended by the Contributor for publication as all or part of an IETF Internet-Draft or RFC and any statement made within the context of an IETF activity is considered an "IETF Contribution". Such statements include oral statements in IETF sessions, as well as written and electronic communications made at any time or place, which are addressed to`,
);
const JABBERWOCKY = utf8(
  "'Twas brillig, and the slithy toves\nDid gyre and gimble in the wabe:\nAll mimsy were the borogoves,\nAnd the mome raths outgrabe.",
);

/** Section, key, message and tag. */
const VECTORS: [string, string, Uint8Array, string][] = [
  [
    "2.5.2",
    "85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b",
    utf8("Cryptographic Forum Research Group"),
    "a8061dc1305136c6c22b8baf0c0127a9",
  ],
  ["A.3 #1", zeros(32), hex(zeros(64)), zeros(16)],
  [
    "A.3 #2",
    `${zeros(16)}36e5f6b5c5e06070f0efca96227a863e`,
    IETF,
    "36e5f6b5c5e06070f0efca96227a863e",
  ],
  [
    "A.3 #3",
    `36e5f6b5c5e06070f0efca96227a863e${zeros(16)}`,
    IETF,
    "f3477e7cd95417af89a6b8794c310cf0",
  ],
  [
    "A.3 #4",
    "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0",
    JABBERWOCKY,
    "4541669a7eaaee61e708dc7cbcc5eb62",
  ],
  ["A.3 #5", `02${zeros(31)}`, hex(ones(16)), `03${zeros(15)}`],
  [
    "A.3 #6",
    `02${zeros(15)}${ones(16)}`,
    hex(`02${zeros(15)}`),
    `03${zeros(15)}`,
  ],
  [
    "A.3 #7",
    `01${zeros(31)}`,
    hex(`${ones(16)} f0${ones(15)} 11${zeros(15)}`),
    `05${zeros(15)}`,
  ],
  [
    "A.3 #8",
    `01${zeros(31)}`,
    hex(`${ones(16)} fb${"fe".repeat(15)} ${"01".repeat(16)}`),
    zeros(16),
  ],
  ["A.3 #9", `02${zeros(31)}`, hex(`fd${ones(15)}`), `fa${ones(15)}`],
  [
    "A.3 #10",
    `01${zeros(7)}04${zeros(23)}`,
    hex(
      `e33594d7505e43b9${zeros(8)} 3394d7505e4379cd01${zeros(7)} ${
        zeros(16)
      } 01${zeros(15)}`,
    ),
    `14${zeros(7)}55${zeros(7)}`,
  ],
  [
    "A.3 #11",
    `01${zeros(7)}04${zeros(23)}`,
    hex(
      `e33594d7505e43b9${zeros(8)} 3394d7505e4379cd01${zeros(7)} ${zeros(16)}`,
    ),
    `13${zeros(15)}`,
  ],
];

for (const [section, key, message, tag] of VECTORS) {
  Deno.test(`Poly1305 makes the tag of RFC 8439 section ${section}`, () => {
    assertEquals(tagOf(hex(key), message).toHex(), tag);
    assertEquals(poly1305Oracle(hex(key), message).toHex(), tag);
  });
}

Deno.test("Poly1305 makes the tags of messages of all lengths", () => {
  const key = crypto.getRandomValues(new Uint8Array(32));
  const random = crypto.getRandomValues(new Uint8Array(1100));
  for (let length = 1; length <= 1100; length++) {
    const message = random.subarray(0, length);
    assertEquals(
      tagOf(key, message).toHex(),
      poly1305Oracle(key, message).toHex(),
      `${length} bytes`,
    );
  }
});

Deno.test("Poly1305 carries right where limbs are full or empty", () => {
  const keys = [
    ones(32), // the largest r, and an s that carries
    ones(16) + zeros(16),
    "ffffff0ffcffff0ffcffff0ffcffff0f" + ones(16), // the same r, clamped already
    "fcffff03fcffff03fcffff03fcffff03" + zeros(16),
    "000000f0030000f0030000f0030000f0" + ones(16), // nothing but what is clamped away
    "01" + zeros(31),
    zeros(15) + "0c" + zeros(16),
  ];
  for (const key of keys) {
    for (const byte of ["ff", "00", "fb", "01", "80"]) {
      for (let length = 1; length <= 200; length++) {
        const message = hex(byte.repeat(length));
        assertEquals(
          tagOf(hex(key), message).toHex(),
          poly1305Oracle(hex(key), message).toHex(),
          `key ${key}, ${length} times ${byte}`,
        );
      }
    }
  }
});

Deno.test("Poly1305 reduces sums right that are next to the modulus", () => {
  // With r = 1 and s = 0 the tag is the sum of the blocks, modulo p, modulo 2^128.
  const key = hex(`01${zeros(31)}`);
  const p = 2n ** 130n - 5n;
  for (let difference = -12n; difference <= 12n; difference++) {
    for (const multiple of [1n, 2n]) {
      // Each whole block has 2^128 added; what is left is spread over them.
      const count = multiple === 1n ? 3 : 7;
      let rest = multiple * p + difference - BigInt(count) * 2n ** 128n;
      const message = new Uint8Array(16 * count);
      for (let block = 0; block < count; block++) {
        const share = rest < 2n ** 128n ? rest : 2n ** 128n - 1n;
        rest -= share;
        for (let i = 0; i < 16; i++) {
          message[16 * block + i] = Number(share >> BigInt(8 * i) & 0xffn);
        }
      }
      assertEquals(rest, 0n);
      assertEquals(
        tagOf(key, message).toHex(),
        poly1305Oracle(key, message).toHex(),
        `${multiple} p + ${difference}`,
      );
    }
  }
});

Deno.test("Poly1305 agrees with the RFC's arithmetic on random input at any address", () => {
  for (let i = 0; i < 500; i++) {
    const [a = 0, b = 0] = crypto.getRandomValues(new Uint32Array(2));
    const key = crypto.getRandomValues(new Uint8Array(32));
    const message = crypto.getRandomValues(new Uint8Array(1 + a % 5000));
    assertEquals(
      tagOf(key, message, 128 + b % 500).toHex(),
      poly1305Oracle(key, message).toHex(),
      `${message.length} bytes`,
    );
  }
});

Deno.test("Poly1305 may write the tag behind the message", () => {
  const key = crypto.getRandomValues(new Uint8Array(32));
  const message = crypto.getRandomValues(new Uint8Array(77));
  memory.set(key, 32);
  memory.set(message, 1024);
  run(32, 1024, 77, 1024 + 77);
  assertEquals(
    memory.slice(1024 + 77, 1024 + 93),
    poly1305Oracle(key, message),
  );
});
