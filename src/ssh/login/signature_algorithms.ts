import { plainType } from "../keys/public/certificate.ts";
import { algorithmsOf } from "../keys/public/key_algorithms.ts";

/**
 * The algorithms that a key may be offered with, in the order to try them.
 *
 * A server that announces an algorithm need not accept it: OpenSSH before 9.6
 * announces both of RSA's whatever its `PubkeyAcceptedAlgorithms` says. So the
 * second is worth a try where the first was refused.
 *
 * @param keyType The key's or certificate's type, e.g. `ssh-rsa`.
 * @param accepted The algorithms that we are willing to use (OpenSSH: `PubkeyAcceptedAlgorithms`).
 * @param announced The server's `server-sig-algs` (RFC 8308 section 3.1); undefined if it sent none.
 */
export function signatureAlgorithms(
  keyType: string,
  accepted: readonly string[],
  announced?: readonly string[],
): string[] {
  const usable = algorithmsOf(keyType).filter((it) => accepted.includes(it));
  // Only RSA leaves a choice.
  if (!keyType.startsWith("ssh-rsa")) return usable;
  if (announced) {
    return usable.filter((it) => announced.includes(plainType(it)));
  }
  // A server without the extension is likely to be older than RFC 8332.
  return usable.includes(keyType)
    ? [keyType, ...usable.filter((it) => it !== keyType)]
    : usable;
}
