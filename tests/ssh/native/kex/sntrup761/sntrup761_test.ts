import { createHash } from "node:crypto";
import { assert, assertEquals, assertRejects } from "../../../../assert.ts";
import { ProtocolError } from "../../../../../src/errors.ts";
import {
  decapsulate,
  encapsulate,
  generateKeys,
  sntrup761,
  SNTRUP761_CIPHERTEXT_SIZE,
  SNTRUP761_KEY_SIZE,
} from "../../../../../src/ssh/native/kex/sntrup761/sntrup761.ts";
import { nistRandom } from "./nist_random.ts";

/** From the submission's kat_kem.rsp (ntruprime-20201007): the seed and secret in full, the others by their SHA-256. */
const knownAnswers = [
  {
    seed:
      "061550234d158c5ec95595fe04ef7a25767f2e24cc2bc479d09d86dc9abcfde7056a8c266f9ef97ed08541dbd2e1ffa1",
    publicKey:
      "d1736cf321592955c718fa191ef5b1137dd7593ff3b18d5ed733ac96e7d65ce9",
    secretKey:
      "8f8f45cef184cc93e387edc54720102e7f95247ec052ad8440d65c932d4f973d",
    ciphertext:
      "beec3df6e2d1d64eb7fa4c95605ff32aff38ab0e23ff79ff61bbc9832c31e885",
    secret: "344ca5e25f6da5ea95e4a695b1c5446eca9859334532e4a9537669f012c743a2",
  },
  {
    seed:
      "d81c4d8d734fcbfbeade3d3f8a039faa2a2c9957e835ad55b22e75bf57bb556ac81adde6aeeb4a5a875c3bfcadfa958f",
    publicKey:
      "0957045d6d7f8863107eaec76158bb99c9e2db4b623ca4cb8a32dc14a0abddc8",
    secretKey:
      "243b86261ba6aca015d41da37f87efd5b94ac391ebba936c579f39cc295f7f0a",
    ciphertext:
      "033ae13a0c75c54cc47a14cbfcab8f88ab9e2995528e00a71514e5ef6e3d3bd0",
    secret: "16c15126f734e51268ba916ce3b39a72e171ae79b8c2b6a68b34ab0dc5621b7e",
  },
];

for (const [index, answer] of knownAnswers.entries()) {
  Deno.test(`sntrup761 gives known answer ${index}`, async () => {
    const draw = nistRandom(Uint8Array.fromHex(answer.seed));
    // Polynomials were drawn word by word.
    const random = (bytes: Uint8Array) =>
      draw(bytes, bytes.length === 4 * 761 ? 4 : bytes.length);

    const { publicKey, secretKey } = await generateKeys(random);
    assertEquals(sha256(publicKey), answer.publicKey);
    assertEquals(sha256(secretKey), answer.secretKey);

    const { ciphertext, secret } = await encapsulate(publicKey, random);
    assertEquals(sha256(ciphertext), answer.ciphertext);
    assertEquals(secret.toHex(), answer.secret);
    assertEquals(await decapsulate(ciphertext, secretKey), secret);
  });
}

Deno.test("sntrup761 agrees with itself, on a secret that is new each time", async () => {
  const secrets = new Set<string>();
  for (let i = 0; i < 3; i++) {
    const { share, finish } = await sntrup761.initiate();
    const { share: ciphertext, secret } = await sntrup761.respond(share);
    assertEquals(share.length, SNTRUP761_KEY_SIZE);
    assertEquals(ciphertext.length, SNTRUP761_CIPHERTEXT_SIZE);
    assertEquals(await finish(ciphertext), secret);
    secrets.add(secret.toHex());
  }
  assertEquals(secrets.size, 3);
});

Deno.test("sntrup761 rejects a ciphertext that was changed implicitly: the secret is another, always the same", async () => {
  const { publicKey, secretKey } = await generateKeys();
  const { ciphertext, secret } = await encapsulate(publicKey);
  for (const at of [0, 500, 1006, 1007, 1038]) {
    const changed = ciphertext.slice();
    changed[at]! ^= 1;
    const other = await decapsulate(changed, secretKey);
    assert(other.toHex() !== secret.toHex());
    assertEquals(await decapsulate(changed, secretKey), other);
  }
  for (const byte of [0, 255]) {
    const nonsense = new Uint8Array(SNTRUP761_CIPHERTEXT_SIZE).fill(byte);
    assertEquals((await decapsulate(nonsense, secretKey)).length, 32);
    const key = new Uint8Array(SNTRUP761_KEY_SIZE).fill(byte);
    assertEquals((await encapsulate(key)).secret.length, 32);
  }
});

Deno.test("sntrup761 refuses keys and ciphertexts of the wrong size", async () => {
  for (const size of [0, SNTRUP761_KEY_SIZE - 1, SNTRUP761_KEY_SIZE + 1]) {
    await assertRejects(
      () => sntrup761.respond(new Uint8Array(size)),
      ProtocolError,
    );
  }
  const { finish } = await sntrup761.initiate();
  for (
    const size of [
      0,
      SNTRUP761_CIPHERTEXT_SIZE - 1,
      SNTRUP761_CIPHERTEXT_SIZE + 1,
    ]
  ) {
    await assertRejects(() => finish(new Uint8Array(size)), ProtocolError);
  }
});

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
