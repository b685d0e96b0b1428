/**
 * The names of algorithms that keys and certificates are offered with.
 *
 * @module
 */

/** What an RSA key can sign with, most wanted first (RFC 8332). */
const RSA = ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"];
const CERTIFICATE = /-cert-v\d+@openssh\.com$/;

/**
 * The algorithms that a key or certificate can be offered with, most wanted
 * first: several for RSA, which has one type for all hash functions.
 *
 * @param type The key's or certificate's type, e.g. `ssh-rsa` or `ssh-rsa-cert-v01@openssh.com`.
 */
export function algorithmsOf(type: string): string[] {
  return type.replace(CERTIFICATE, "") === "ssh-rsa"
    ? RSA.map((algorithm) => type.replace("ssh-rsa", algorithm))
    : [type];
}

/**
 * The algorithm of the signature itself: with a certificate, that of its key.
 *
 * @param algorithm What the key or certificate is offered with, e.g. `rsa-sha2-512-cert-v01@openssh.com`.
 */
export function signatureAlgorithmOf(algorithm: string): string {
  const plain = algorithm.replace(CERTIFICATE, "");
  const isFido = plain !== algorithm && plain.startsWith("sk-");
  return isFido ? `${plain}@openssh.com` : plain;
}
