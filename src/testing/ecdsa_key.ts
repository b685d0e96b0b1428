import { Buffer } from "node:buffer";
import type { ParsedKey } from "ssh2";

/** How long the private scalar is, in bytes. P-521 is left out: Deno takes its scalars as they are. */
const SCALAR_SIZE: Record<string, number> = {
  "ecdsa-sha2-nistp256": 32,
  "ecdsa-sha2-nistp384": 48,
};

/**
 * The PEM of an ECDSA private key that ssh2 has read, so that Deno can sign
 * with it; undefined for any other key.
 *
 * OpenSSH's format has the scalar as an mpint, with a zero byte in front for
 * half of all keys. ssh2 makes a SEC1 key of that as it is; RFC 5915 section 3
 * wants it at its full length and no longer, and Deno insists ("invalid SEC1
 * private key", measured on 2.9.6).
 */
export function ecdsaPem(key: ParsedKey): string | undefined {
  const size = SCALAR_SIZE[key.type];
  if (size === undefined || !key.isPrivateKey()) return;
  const der = Buffer.from(
    key.getPrivatePEM().replace(/-----[^-]+-----|\s/g, ""),
    "base64",
  );
  // SEQUENCE, its length in one byte or two, INTEGER 1, OCTET STRING, its length, the scalar.
  const start = der[1]! < 0x80 ? 7 : 8;
  const length = der[start - 1]!;
  const scalar = Buffer.alloc(size);
  const digits = der.subarray(start, start + length).subarray(-size);
  scalar.set(digits, size - digits.length);
  const body = Buffer.concat([
    Uint8Array.of(2, 1, 1, 4, size),
    scalar,
    der.subarray(start + length),
  ]);
  const head = body.length < 0x80
    ? [0x30, body.length]
    : [0x30, 0x81, body.length];
  const base64 = Buffer.concat([Uint8Array.from(head), body])
    .toString("base64").replace(/.{64}(?=.)/g, "$&\n");
  return `-----BEGIN EC PRIVATE KEY-----\n${base64}\n-----END EC PRIVATE KEY-----\n`;
}
