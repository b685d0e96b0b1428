import { createHmac } from "node:crypto";
import { hmacSha1 } from "../../../../src/ssh/host_keys/known_hosts/hmac_sha1.ts";
import { assertEquals } from "../../../assert.ts";

Deno.test("hmacSha1() agrees with node:crypto for every length of key and message", () => {
  const bytes = (length: number) =>
    crypto.getRandomValues(new Uint8Array(length));
  for (let length = 0; length < 300; length++) {
    const key = bytes(length % 65);
    const message = bytes(length);
    assertEquals(
      hmacSha1(key, message).toHex(),
      createHmac("sha1", key).update(message).digest("hex"),
    );
  }
});
