import { assertEquals, assertThrows } from "../../../assert.ts";
import { ProtocolError } from "../../../../src/errors.ts";
import { certifiedKey } from "../../../../src/ssh/login/user_keys/certified_key.ts";
import { localKey } from "../../../../src/ssh/keys/private/local_key.ts";
import { verifySignature } from "../../../../src/ssh/keys/public/verify_signature.ts";
import { generateJwk } from "../../keys/public/jwk.ts";
import { signCertificate } from "../../keys/public/sign_certificate.ts";

Deno.test("certifiedKey() shows the certificate, and signs with the key", async () => {
  const [key, authority] = await Promise.all(
    ["ssh-rsa", "ssh-ed25519"].map((type) => localKey(generateJwk(type))),
  );
  const certificate = await signCertificate(authority!, key!.blob, "host");
  const certified = certifiedKey(key!, certificate);

  assertEquals(certified.blob, certificate);
  assertEquals(certified.algorithms.slice(0, 2), [
    "rsa-sha2-512-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
  ]);
  const data = Uint8Array.of(1, 2, 3);
  for (const algorithm of certified.algorithms.slice(0, 2)) {
    const signature = await certified.sign(algorithm, data);
    await verifySignature(algorithm, certified.blob, data, signature);
  }
});

Deno.test("certifiedKey() refuses what is not the key's certificate", async () => {
  const [key, other] = await Promise.all(
    ["ssh-ed25519", "ssh-ed25519"].map((type) => localKey(generateJwk(type))),
  );
  const certificate = await signCertificate(other!, other!.blob);

  assertThrows(() => certifiedKey(key!, certificate), TypeError);
  assertThrows(() => certifiedKey(key!, key!.blob), ProtocolError);
});
