import crypto, { createCipheriv, createDecipheriv } from "node:crypto";
import "../../src/ssh/npm_ssh2.ts";
import { assertEquals } from "../assert.ts";

// That nothing leaks, the resource sanitizer says in every test with a connection.
Deno.test("restoreCrypto() leaves node:crypto as it was", () => {
  assertEquals(crypto.createCipheriv, createCipheriv);
  assertEquals(crypto.createDecipheriv, createDecipheriv);
});
