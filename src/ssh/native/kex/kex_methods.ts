import { agreementKex, type ValueEncoding } from "./agreement_kex.ts";
import { diffieHellman } from "./diffie_hellman.ts";
import { ellipticCurve } from "./elliptic_curve.ts";
import { groupExchange } from "./group_exchange.ts";
import { hybrid } from "./hybrid.ts";
import type { KexHash, KexMethod } from "./kex_method.ts";
import {
  hasMlKem768,
  ML_KEM_768_CIPHERTEXT_SIZE,
  ML_KEM_768_KEY_SIZE,
  mlKem768,
} from "./ml_kem_768.ts";
import {
  hasSntrup761,
  sntrup761,
  SNTRUP761_CIPHERTEXT_SIZE,
  SNTRUP761_KEY_SIZE,
} from "./sntrup761/sntrup761.ts";
import { modpGroup, type ModpGroupNumber } from "./modp_groups.ts";

const elliptic: ValueEncoding = { share: "string", secret: "mpint" };
const hybrids: ValueEncoding = { share: "string", secret: "string" };
const numbers: ValueEncoding = { share: "mpint", secret: "mpint" };

const x25519 = ellipticCurve("X25519");
const classical = { agreement: x25519, first: 32, second: 32 };

const sntrupNames = [
  "sntrup761x25519-sha512",
  "sntrup761x25519-sha512@openssh.com",
];

/**
 * The key exchange methods by name, best first: post-quantum hybrids, elliptic
 * curves, then Diffie-Hellman with numbers, which is slow. Nothing rests on
 * SHA-1 or a group below 2048 bits.
 */
export const kexMethods: ReadonlyMap<string, KexMethod> = new Map(
  [
    ...hasMlKem768() ? [mlKem()] : [],
    ...hasSntrup761() ? sntrupNames.map(sntrup) : [],
    curve("curve25519-sha256", "SHA-256", "X25519"),
    curve("curve25519-sha256@libssh.org", "SHA-256", "X25519"),
    curve("ecdh-sha2-nistp256", "SHA-256", "P-256"),
    curve("ecdh-sha2-nistp384", "SHA-384", "P-384"),
    curve("ecdh-sha2-nistp521", "SHA-512", "P-521"),
    group("diffie-hellman-group16-sha512", "SHA-512", 16),
    group("diffie-hellman-group18-sha512", "SHA-512", 18),
    group("diffie-hellman-group17-sha512", "SHA-512", 17),
    group("diffie-hellman-group15-sha512", "SHA-512", 15),
    group("diffie-hellman-group14-sha256", "SHA-256", 14),
    groupExchange,
  ].map((method) => [method.name, method]),
);

/** draft-ietf-sshm-mlkem-hybrid-kex section 2. */
function mlKem(): KexMethod {
  const quantum = {
    agreement: mlKem768,
    first: ML_KEM_768_KEY_SIZE,
    second: ML_KEM_768_CIPHERTEXT_SIZE,
  };
  return agreementKex(
    "mlkem768x25519-sha256",
    "SHA-256",
    hybrids,
    hybrid("SHA-256", quantum, classical),
  );
}

/** RFC 9941. */
function sntrup(name: string): KexMethod {
  const quantum = {
    agreement: sntrup761,
    first: SNTRUP761_KEY_SIZE,
    second: SNTRUP761_CIPHERTEXT_SIZE,
  };
  const agreement = hybrid("SHA-512", quantum, classical);
  return agreementKex(name, "SHA-512", hybrids, agreement);
}

/** RFC 8731 and RFC 5656. */
function curve(
  name: string,
  hash: KexHash,
  curve: Parameters<typeof ellipticCurve>[0],
): KexMethod {
  return agreementKex(name, hash, elliptic, ellipticCurve(curve));
}

/** RFC 8268. The group is only made when it is used. */
function group(
  name: string,
  hash: KexHash,
  number: ModpGroupNumber,
): KexMethod {
  return agreementKex(name, hash, numbers, {
    initiate: () => diffieHellman(modpGroup(number)).initiate(),
    respond: (share) => diffieHellman(modpGroup(number)).respond(share),
  });
}
