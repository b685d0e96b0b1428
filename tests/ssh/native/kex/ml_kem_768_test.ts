import { createHash } from "node:crypto";
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { assert, assertEquals, assertRejects } from "../../../assert.ts";
import { ProtocolError } from "../../../../src/errors.ts";
import {
  hasMlKem768,
  ML_KEM_768_CIPHERTEXT_SIZE,
  ML_KEM_768_KEY_SIZE,
  mlKem768,
} from "../../../../src/ssh/native/kex/ml_kem_768.ts";

Deno.test("mlKem768 is available", () => assert(hasMlKem768()));

Deno.test("mlKem768 agrees with @noble/post-quantum in both roles", async () => {
  const { share, finish } = await mlKem768.initiate();
  assertEquals(share.length, ML_KEM_768_KEY_SIZE);
  const theirs = ml_kem768.encapsulate(share);
  assertEquals(await finish(theirs.cipherText), theirs.sharedSecret);

  const keys = ml_kem768.keygen();
  const ours = await mlKem768.respond(keys.publicKey);
  assertEquals(ours.share.length, ML_KEM_768_CIPHERTEXT_SIZE);
  assertEquals(ml_kem768.decapsulate(ours.share, keys.secretKey), ours.secret);
});

Deno.test("mlKem768 refuses keys and ciphertexts of the wrong size", async () => {
  const { share, finish } = await mlKem768.initiate();
  for (const key of [share.subarray(1), Uint8Array.of(...share, 0)]) {
    await assertRejects(() => mlKem768.respond(key), ProtocolError);
  }
  for (const size of [0, 1087, 1089]) {
    await assertRejects(() => finish(new Uint8Array(size)), ProtocolError);
  }
});

Deno.test("mlKem768 refuses a key with a coefficient that is not below q (FIPS 203 section 7.2)", async () => {
  const { share } = await mlKem768.initiate();
  // 12 bits a coefficient: these two are 3329, q itself.
  share.set([0x01, 0x1d, 0xd0]);

  await assertRejects(() => mlKem768.respond(share), ProtocolError);
});

Deno.test("mlKem768 makes another secret of a ciphertext that was changed", async () => {
  const { share, finish } = await mlKem768.initiate();
  const { share: ciphertext, secret } = await mlKem768.respond(share);
  ciphertext[100]! ^= 1;

  assert((await finish(ciphertext)).toHex() !== secret.toHex());
});

Deno.test("the platform's ML-KEM-768 gives the accumulated answer of C2SP's CCTV", async () => {
  // 100 keys, messages and invalid ciphertexts from SHAKE128; their outcome, hashed.
  const rounds = 100;
  const size = 64 + 32 + ML_KEM_768_CIPHERTEXT_SIZE;
  const input = new Uint8Array(
    createHash("shake128", { outputLength: rounds * size }).digest(),
  );
  const outcome = createHash("shake128", { outputLength: 32 });
  for (let round = 0; round < rounds; round++) {
    const part = input.subarray(round * size, (round + 1) * size);
    const seed = part.slice(0, 64);
    const { publicKey } = ml_kem768.keygen(seed);
    const { cipherText, sharedSecret } = ml_kem768
      .encapsulate(publicKey, part.slice(64, 96));
    // TypeScript does not know the format and the method yet.
    const subtle = crypto.subtle as unknown as {
      importKey(format: "raw-seed", ...rest: unknown[]): Promise<CryptoKey>;
      decapsulateBits(
        name: string,
        key: CryptoKey,
        ciphertext: Uint8Array,
      ): Promise<ArrayBuffer>;
    };
    const key = await subtle
      .importKey("raw-seed", seed, "ML-KEM-768", false, ["decapsulateBits"]);
    const decapsulate = async (ciphertext: Uint8Array) =>
      new Uint8Array(
        await subtle.decapsulateBits("ML-KEM-768", key, ciphertext),
      );
    outcome.update(publicKey).update(cipherText).update(sharedSecret);
    assertEquals(await decapsulate(cipherText), sharedSecret);
    outcome.update(await decapsulate(part.subarray(96)));
  }
  assertEquals(
    outcome.digest("hex"),
    "1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415",
  );
});
