import { concat } from "../../../streams/concat.ts";
import { toBigInt } from "../../big_integer.ts";

/** What RFC 8017 section 9.2 puts in front of a digest: the hash's name in DER. */
const digestInfo = {
  "SHA-256": "3031300d060960864801650304020105000420",
  "SHA-384": "3041300d060960864801650304020205000430",
  "SHA-512": "3051300d060960864801650304020305000440",
} as const;

/**
 * Verifies an RSASSA-PKCS1-v1_5 signature (RFC 8017 section 8.2.2) by making
 * the one encoding that is valid and comparing it whole. Deno's WebCrypto and
 * node:crypto take no key of more than 4096 bits (measured with 2.9.6). All of
 * it is public, so it need not run in constant time.
 */
export async function verifyRsa(
  { e, n }: { e: Uint8Array; n: Uint8Array },
  hash: keyof typeof digestInfo,
  data: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const modulus = toBigInt(n);
  const number = toBigInt(signature);
  if (signature.length > n.length || number >= modulus) return false;
  const digest = new Uint8Array(
    await crypto.subtle.digest(hash, new Uint8Array(data)),
  );
  const info = concat(Uint8Array.fromHex(digestInfo[hash]), digest);
  const padding = n.length - info.length - 3;
  if (padding < 8) return false;
  const expected = concat(
    Uint8Array.of(0, 1),
    new Uint8Array(padding).fill(0xff),
    Uint8Array.of(0),
    info,
  );
  let power = 1n;
  for (const bit of toBigInt(e).toString(2)) {
    power = power * power % modulus;
    if (bit === "1") power = power * number % modulus;
  }
  return power === toBigInt(expected);
}
