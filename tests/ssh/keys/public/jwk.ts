import { generateKeyPairSync } from "node:crypto";

/** Generates a private key of an SSH key type; RSA ones with that many bits. */
export function generateJwk(type: string, bits = 2048): JsonWebKey {
  const curve = {
    "ecdsa-sha2-nistp256": "P-256",
    "ecdsa-sha2-nistp384": "P-384",
    "ecdsa-sha2-nistp521": "P-521",
  }[type];
  const { privateKey } = curve !== undefined
    ? generateKeyPairSync("ec", { namedCurve: curve })
    : type === "ssh-rsa"
    ? generateKeyPairSync("rsa", { modulusLength: bits })
    : generateKeyPairSync("ed25519");
  return privateKey.export({ format: "jwk" }) as JsonWebKey;
}
