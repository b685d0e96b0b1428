import { concat } from "../../../streams/concat.ts";
import { keyFile, strings } from "./key_file.ts";

const TYPE = "ssh-ed25519";

/** An ed25519 key pair, in the formats of OpenSSH. */
export interface KeyPair {
  /** The private key as a file: `-----BEGIN OPENSSH PRIVATE KEY-----…`, without a passphrase. */
  readonly privateKey: string;
  /** The public key as one line without its end: `ssh-ed25519 AAAA…`. */
  readonly publicKey: string;
}

/**
 * Generates an ed25519 key pair for the length of a session: X2Go gives the
 * private half to the server, which logs in to us with it.
 *
 * @param comment Written into the private key; `ssh-add -l` shows it.
 */
export async function generateKeyPair(comment = ""): Promise<KeyPair> {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(
    "Ed25519",
    true,
    ["sign", "verify"],
  ) as CryptoKeyPair;
  const point = new Uint8Array(
    await crypto.subtle.exportKey("raw", publicKey),
  );
  // RFC 8410 section 7: the seed is the last of a PKCS #8 structure.
  const seed = new Uint8Array(
    await crypto.subtle.exportKey("pkcs8", privateKey),
  ).subarray(-32);
  return {
    privateKey: keyFile(TYPE, [point], [point, concat(seed, point)], comment),
    publicKey: `${TYPE} ${strings(TYPE, point).toBase64()}`,
  };
}
