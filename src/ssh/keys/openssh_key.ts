import { Buffer } from "node:buffer";
import type { JsonWebKey, KeyObject } from "node:crypto";
import { mpint, strings, uint32 } from "../wire.ts";

/** The names that SSH has for JWK's curves (RFC 5656 section 10.1). */
const CURVES: Record<string, string> = {
  "P-256": "nistp256",
  "P-384": "nistp384",
  "P-521": "nistp521",
};

/**
 * Writes a private key as OpenSSH does: `-----BEGIN OPENSSH PRIVATE KEY-----`,
 * without a passphrase; undefined for a kind of key that SSH does not have.
 */
export function openSshKey(key: KeyObject): string | undefined {
  const jwk = key.export({ format: "jwk" });
  switch (key.asymmetricKeyType) {
    case "ed25519": {
      const [point, seed] = [field(jwk, "x"), field(jwk, "d")];
      return keyFile("ssh-ed25519", [point], [
        point,
        Buffer.concat([seed, point]),
      ]);
    }
    case "ec": {
      const curve = CURVES[jwk.crv ?? ""];
      if (curve === undefined) return undefined;
      const point = Buffer.concat([
        Buffer.of(4), // not compressed
        field(jwk, "x"),
        field(jwk, "y"),
      ]);
      const shown = [Buffer.from(curve), point];
      return keyFile(`ecdsa-sha2-${curve}`, shown, [
        ...shown,
        mpint(field(jwk, "d")),
      ]);
    }
    case "rsa": {
      const number = (name: keyof JsonWebKey) => mpint(field(jwk, name));
      return keyFile(
        "ssh-rsa",
        (["e", "n"] as const).map(number),
        (["n", "e", "d", "qi", "p", "q"] as const).map(number),
      );
    }
    default:
      return undefined;
  }
}

/**
 * The file of a private key (OpenSSH PROTOCOL.key).
 *
 * @param type The key's type, e.g. `ssh-ed25519`.
 * @param shown The fields of its public half.
 * @param secret The fields of its private half.
 * @param comment `ssh-add -l` shows it.
 */
export function keyFile(
  type: string,
  shown: readonly Buffer[],
  secret: readonly Buffer[],
  comment = "",
): string {
  // A number, twice: where a passphrase encrypts them, a wrong one shows.
  const check = crypto.getRandomValues(Buffer.alloc(4));
  const keys = Buffer.concat([
    check,
    check,
    strings(Buffer.from(type), ...secret, Buffer.from(comment)),
  ]);
  const padding = [1, 2, 3, 4, 5, 6, 7].slice(0, -keys.length & 7);
  const bytes = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    strings(
      Buffer.from("none"), // the cipher
      Buffer.from("none"), // how its key is derived
      Buffer.of(), // and with what
    ),
    uint32(1), // one key
    strings(
      strings(Buffer.from(type), ...shown),
      Buffer.concat([keys, Buffer.from(padding)]),
    ),
  ]);
  const lines = bytes.toString("base64").match(/.{1,70}/g) ?? [];
  return [
    "-----BEGIN OPENSSH PRIVATE KEY-----",
    ...lines,
    "-----END OPENSSH PRIVATE KEY-----",
    "",
  ].join("\n");
}

function field(jwk: JsonWebKey, name: keyof JsonWebKey): Buffer {
  return Buffer.from(jwk[name] as string, "base64url");
}
