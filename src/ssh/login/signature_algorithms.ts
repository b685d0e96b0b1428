/** What an RSA key can sign with, most wanted first (RFC 8332). */
const RSA = ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"];

/**
 * The algorithms that a key may be offered with, in the order to try them.
 *
 * A server that announces an algorithm need not accept it: OpenSSH before 9.6
 * announces both of RSA's whatever its `PubkeyAcceptedAlgorithms` says. So the
 * second is worth a try where the first was refused.
 *
 * @param keyType The key's type, e.g. `ssh-rsa`.
 * @param accepted The algorithms that we are willing to use (OpenSSH: `PubkeyAcceptedAlgorithms`).
 * @param announced The server's `server-sig-algs` (RFC 8308 section 3.1); undefined if it sent none.
 */
export function signatureAlgorithms(
  keyType: string,
  accepted: readonly string[],
  announced?: readonly string[],
): string[] {
  if (keyType !== "ssh-rsa") return accepted.filter((it) => it === keyType);
  const usable = RSA.filter((it) => accepted.includes(it));
  if (announced) return usable.filter((it) => announced.includes(it));
  // A server without the extension is likely to be older than RFC 8332.
  return usable.includes("ssh-rsa")
    ? ["ssh-rsa", ...usable.slice(0, -1)]
    : usable;
}
