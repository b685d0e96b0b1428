import { createHash } from "node:crypto";
import { assertEquals, assertRejects } from "../../../assert.ts";
import { ProtocolError } from "../../../../src/errors.ts";
import { hybrid } from "../../../../src/ssh/native/kex/hybrid.ts";
import type { KeyAgreement } from "../../../../src/ssh/native/kex/key_agreement.ts";

/** An agreement with shares and a secret that are known. */
function scripted(first: string, second: string, secret: string) {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const received: string[] = [];
  const take = (share: Uint8Array) => {
    received.push(new TextDecoder().decode(share));
    return Promise.resolve(bytes(secret));
  };
  const agreement: KeyAgreement = {
    initiate: () => Promise.resolve({ share: bytes(first), finish: take }),
    respond: async (share) => ({
      share: bytes(second),
      secret: await take(share),
    }),
  };
  return { agreement, first: first.length, second: second.length, received };
}

for (
  const [hash, name] of [["SHA-256", "sha256"], ["SHA-512", "sha512"]] as const
) {
  Deno.test(`hybrid() concatenates shares, and hashes both secrets with ${hash}`, async () => {
    const quantum = scripted("public key", "cipher", "pq");
    const classical = scripted("one", "two", "cl");
    const { initiate, respond } = hybrid(hash, quantum, classical);
    const secret = new Uint8Array(createHash(name).update("pqcl").digest());

    const first = await initiate();
    const second = await respond(first.share);

    assertEquals(new TextDecoder().decode(first.share), "public keyone");
    assertEquals(new TextDecoder().decode(second.share), "ciphertwo");
    assertEquals(second.secret, secret);
    assertEquals(await first.finish(second.share), secret);
    assertEquals(quantum.received, ["public key", "cipher"]);
    assertEquals(classical.received, ["one", "two"]);
  });
}

Deno.test("hybrid() refuses shares of any other size", async () => {
  const { initiate, respond } = hybrid(
    "SHA-256",
    scripted("public key", "cipher", "pq"),
    scripted("one", "two", "cl"),
  );
  const { finish } = await initiate();

  for (const size of [0, 12, 14]) {
    await assertRejects(() => respond(new Uint8Array(size)), ProtocolError);
  }
  for (const size of [0, 8, 10]) {
    await assertRejects(() => finish(new Uint8Array(size)), ProtocolError);
  }
});
