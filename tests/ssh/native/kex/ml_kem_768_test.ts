import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { assert, assertEquals, assertRejects } from "../../../assert.ts";
import { ProtocolError } from "../../../../src/errors.ts";
import {
  hasMlKem768,
  ML_KEM_768_CIPHERTEXT_SIZE,
  ML_KEM_768_KEY_SIZE,
  mlKem768,
} from "../../../../src/ssh/native/kex/ml_kem_768.ts";

Deno.test("mlKem768 is there", () => assert(hasMlKem768()));

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
