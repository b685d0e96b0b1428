const TYPES = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
];
/** Keys of FIDO devices, which an agent holds. */
const FIDO_TYPES = ["sk-ssh-ed25519", "sk-ecdsa-sha2-nistp256"];
const RSA = ["rsa-sha2-512", "rsa-sha2-256"];
const CERTIFICATE = "-cert-v01@openssh.com";

/**
 * The signature algorithms of keys to log in with, those of certificates
 * first: all that OpenSSH has, as keys that an agent holds are passed on
 * whatever they are.
 */
export const defaultUserKeyAlgorithms: string[] = [
  ...[...TYPES, ...FIDO_TYPES, ...RSA].map((type) => type + CERTIFICATE),
  ...TYPES,
  ...FIDO_TYPES.map((type) => `${type}@openssh.com`),
  ...RSA,
];

/** The same with what is not offered unless it is asked for: SHA-1 and DSA. */
export const userKeyAlgorithms: string[] = [
  ...defaultUserKeyAlgorithms,
  `ssh-rsa${CERTIFICATE}`,
  "ssh-rsa",
  "ssh-dss",
];
