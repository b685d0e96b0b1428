import { certificateType } from "../../src/ssh/keys/public/certificate.ts";
import { supportedAlgorithms } from "../../src/ssh/native/exchange/negotiation.ts";

/** Types of keys that are read from files. */
const keyTypes = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "ssh-rsa",
];

/** Types of keys that only an agent can use. */
const securityKeyTypes = [
  "sk-ssh-ed25519@openssh.com",
  "sk-ecdsa-sha2-nistp256@openssh.com",
];

/** For the short form: one of each kind. */
const shortLists: readonly string[] = [
  "curve25519-sha256",
  "ecdh-sha2-nistp384",
  "diffie-hellman-group14-sha256",
  "sntrup761x25519-sha512@openssh.com",
  "chacha20-poly1305@openssh.com",
  "aes256-gcm@openssh.com",
  "aes128-ctr",
  "hmac-sha2-256-etm@openssh.com",
  "hmac-sha2-512",
  "ssh-ed25519",
  "ssh-rsa",
];

/** What the lists are for. */
export interface ListOptions {
  /** Whether the tests take keys from an agent, FIDO's among them. */
  withAgent?: boolean;
  /** Whether one algorithm of each kind is enough. */
  short?: boolean;
  /** What OpenSSH has: sshd takes no other names for its configuration. */
  openssh: readonly string[];
}

/**
 * Answers `ssh -Q`: what both this package and OpenSSH have.
 *
 * @param query What is asked for, as ssh(1) names it.
 */
export function listAlgorithms(
  query: string,
  { withAgent = false, short = false, openssh }: ListOptions,
): readonly string[] {
  const { kex, cipher, mac, compression } = supportedAlgorithms();
  const plain = [...keyTypes, ...withAgent ? securityKeyTypes : []];
  const chosen = (names: readonly string[]) =>
    short ? names.filter((name) => shortLists.includes(name)) : names;
  const ofBoth = (names: readonly string[]) =>
    chosen(names).filter((name) => openssh.includes(name));
  switch (query) {
    case "kex":
      return ofBoth(kex);
    case "cipher":
      return ofBoth(cipher);
    case "cipher-auth":
      return ofBoth(cipher.filter((name) => /gcm|poly1305/.test(name)));
    case "mac":
      return ofBoth(mac);
    case "key-plain":
      return chosen(plain);
    case "key":
      return chosen(plain).flatMap((type) => [type, certificateType(type)]);
    case "compression":
      return compression;
    default:
      throw new Error(`the scripts are not known to ask for -Q ${query}`);
  }
}
