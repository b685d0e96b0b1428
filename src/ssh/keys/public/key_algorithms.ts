/**
 * The names of algorithms that keys and certificates are offered with.
 *
 * @module
 */

import { plainType } from "./certificate.ts";

/** What an RSA key can sign with, most wanted first (RFC 8332). */
const RSA = ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"];

/**
 * The algorithms that a key or certificate can be offered with, most wanted
 * first: several for RSA, which has one type for all hash functions.
 *
 * @param type The key's or certificate's type, e.g. `ssh-rsa` or `ssh-rsa-cert-v01@openssh.com`.
 */
export function algorithmsOf(type: string): string[] {
  return plainType(type) === "ssh-rsa"
    ? RSA.map((algorithm) => type.replace("ssh-rsa", algorithm))
    : [type];
}
