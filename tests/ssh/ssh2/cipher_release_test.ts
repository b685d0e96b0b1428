import crypto from "node:crypto";
import { assert } from "../../assert.ts";

// That no cipher leaks, the resource sanitizer says in every test with a connection.
Deno.test("restoreCrypto() leaves node:crypto as it was", async () => {
  const { createCipheriv, createDecipheriv } = crypto;

  await import("../../../src/testing/npm_ssh2.ts");

  assert(crypto.createCipheriv === createCipheriv);
  assert(crypto.createDecipheriv === createDecipheriv);
});
