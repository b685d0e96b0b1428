import { certificateType } from "./certificate.ts";

const TYPES = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
];
/** Keys of FIDO devices, which an agent holds. */
const FIDO_TYPES = [
  "sk-ssh-ed25519@openssh.com",
  "sk-ecdsa-sha2-nistp256@openssh.com",
];
const RSA = ["rsa-sha2-512", "rsa-sha2-256"];

/**
 * The signature algorithms of keys to log in with, those of certificates
 * first: all that OpenSSH has, as keys that an agent holds are passed on
 * whatever they are.
 */
export const defaultUserKeyAlgorithms: string[] = [
  ...[...TYPES, ...FIDO_TYPES, ...RSA].map(certificateType),
  ...[...TYPES, ...FIDO_TYPES, ...RSA],
];

/** The same with what is not offered unless it is asked for: SHA-1 and DSA. */
export const userKeyAlgorithms: string[] = [
  ...defaultUserKeyAlgorithms,
  certificateType("ssh-rsa"),
  "ssh-rsa",
  "ssh-dss",
];
