import { certificateType } from "../../src/ssh/keys/certificate.ts";
import { signatureAlgorithms } from "../../src/ssh/keys/verify_signature.ts";
import { supportedAlgorithms } from "../../src/ssh/native/negotiation.ts";

/** What OpenSSH's tests make keys of; those for FIDO need a device of their own. */
const keyTypes = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "ssh-rsa",
];

/** Key exchanges that an sshd of OpenSSH does not know: to name one is a mistake in its configuration. */
const notInOpenSsh = /group1[57]-|^mlkem768/;

/**
 * What `ssh -Q` lists, as this package has it.
 *
 * @param query What is asked for, as `ssh -Q` names it.
 */
export function listAlgorithms(query: string): readonly string[] {
  const { kex, cipher, mac } = supportedAlgorithms();
  switch (query.toLowerCase()) {
    case "kex":
      return kex.filter((name) => !notInOpenSsh.test(name));
    case "cipher":
      return cipher;
    case "cipher-auth":
      return cipher.filter((name) => /gcm|poly1305/.test(name));
    case "mac":
      return mac;
    case "key":
      return [...keyTypes, ...keyTypes.map(certificateType)];
    case "key-plain":
      return keyTypes;
    case "key-cert":
      return keyTypes.map(certificateType);
    case "key-sig":
    case "sig":
    case "hostkeyalgorithms":
    case "pubkeyacceptedalgorithms":
      return Object.keys(signatureAlgorithms);
    case "protocol-version":
      return ["2"];
    default:
      return [];
  }
}
