import { createCipheriv } from "node:crypto";
import { chacha20, CHACHA20_STRIDE } from "../../../src/ssh/cipher/chacha20.ts";
import { assemble } from "../../../src/ssh/cipher/wasm_assembler.ts";
import { assertEquals } from "../../assert.ts";

const { exports } = new WebAssembly.Instance(
  new WebAssembly.Module(assemble([chacha20()], 4)),
);
const memory = new Uint8Array((exports.memory as WebAssembly.Memory).buffer);
const run = exports.chacha20 as (...args: number[]) => void;
const constants = new TextEncoder().encode("expand 32-byte k");

/** Encrypts with a key and the rest of the state: the counter and the nonce. */
function encrypt(
  key: Uint8Array,
  counterAndNonce: Uint8Array,
  data: Uint8Array,
  address = 1024,
): Uint8Array {
  memory.set([...constants, ...key, ...counterAndNonce], 64);
  memory.set(data, address);
  run(64, address, data.length);
  return memory.slice(address, address + data.length);
}

const hex = (text: string) => Uint8Array.fromHex(text);
const zeros = (count: number) => "00".repeat(count);
const counting = Uint8Array.from({ length: 32 }, (_, i) => i);

Deno.test("chacha20() makes the block of RFC 8439 section 2.3.2", () => {
  assertEquals(
    encrypt(
      counting,
      hex("01000000000000090000004a00000000"),
      new Uint8Array(64),
    ).toHex(),
    "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e" +
      "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e",
  );
});

Deno.test("chacha20() encrypts as in RFC 8439 section 2.4.2", () => {
  const text =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
  assertEquals(
    encrypt(
      counting,
      hex("01000000000000000000004a00000000"),
      new TextEncoder().encode(text),
    ).toHex(),
    "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b" +
      "f91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d8" +
      "07ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736" +
      "5af90bbf74a35be6b40b8eedf2785e42874d",
  );
});

Deno.test("chacha20() makes the keystream of RFC 8439 section A.1", () => {
  const block = (counter: string, nonce = zeros(12)) =>
    encrypt(hex(zeros(32)), hex(counter + nonce), new Uint8Array(64)).toHex();
  assertEquals(
    block("00000000"),
    "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7" +
      "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586",
  );
  assertEquals(
    block("01000000"),
    "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed" +
      "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f",
  );
  assertEquals(
    block("00000000", `${zeros(11)}02`),
    "c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c7" +
      "8a970e0e955c14f3a88e741b97c286f75f8fc299e8148362fa198a39531bed6d",
  );
});

Deno.test("chacha20() agrees with node:crypto on data of all lengths", () => {
  const key = crypto.getRandomValues(new Uint8Array(32));
  const iv = crypto.getRandomValues(new Uint8Array(16));
  iv[3] = 0; // what follows a counter of 32 bits that is full is not defined
  const data = crypto.getRandomValues(new Uint8Array(3 * CHACHA20_STRIDE + 10));
  const expected = keystreamXor(key, iv, data);
  for (let length = 1; length <= data.length; length++) {
    assertEquals(
      encrypt(key, iv, data.subarray(0, length)).toHex(),
      expected.subarray(0, length).toHex(),
      `${length} bytes`,
    );
  }
});

Deno.test("chacha20() agrees with node:crypto on random input at any address", () => {
  for (let i = 0; i < 50; i++) {
    const [a = 0, b = 0] = crypto.getRandomValues(new Uint32Array(2));
    const key = crypto.getRandomValues(new Uint8Array(32));
    const iv = crypto.getRandomValues(new Uint8Array(16));
    iv[3] = 0;
    const data = new Uint8Array(1 + a % 65_000).map((_, i) => i * 31);
    assertEquals(
      encrypt(key, iv, data, 128 + b % 1000).toHex(),
      keystreamXor(key, iv, data).toHex(),
    );
  }
});

Deno.test("chacha20() changes nothing before the data nor beyond whole strides after it", () => {
  memory.fill(7);
  encrypt(counting, hex(zeros(16)), new Uint8Array(CHACHA20_STRIDE + 1), 1024);
  const end = 1024 + 2 * CHACHA20_STRIDE;
  assertEquals(memory.subarray(128, 1024).every((byte) => byte === 7), true);
  assertEquals(memory.subarray(end).every((byte) => byte === 7), true);
});

function keystreamXor(
  key: Uint8Array,
  iv: Uint8Array,
  data: Uint8Array,
): Uint8Array {
  const cipher = createCipheriv("chacha20", key, iv);
  const output = cipher.update(data);
  cipher.final(); // else Deno never frees it
  return new Uint8Array(output);
}
