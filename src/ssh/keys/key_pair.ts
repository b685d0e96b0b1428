import { Buffer } from "node:buffer";
import { keyFile } from "./openssh_key.ts";
import { strings } from "../wire.ts";

const TYPE = "ssh-ed25519";

/** An ed25519 key pair, in the formats of OpenSSH. */
export interface KeyPair {
  /** The private key as a file: `-----BEGIN OPENSSH PRIVATE KEY-----…`, without a passphrase. */
  readonly privateKey: string;
  /** The public key as one line without its end: `ssh-ed25519 AAAA…`. */
  readonly publicKey: string;
}

/**
 * Makes an ed25519 key pair for the length of a session: X2Go gives the
 * private half to the server, which logs in to us with it.
 *
 * ssh2's own `generateKeyPair` is no choice: one in 256 of its ed25519 keys
 * cannot be read by anybody (measured with 1.17.0).
 *
 * @param comment Written into the private key; `ssh-add -l` shows it.
 */
export async function generateKeyPair(comment = ""): Promise<KeyPair> {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(
    "Ed25519",
    true,
    ["sign", "verify"],
  ) as CryptoKeyPair;
  const point = Buffer.from(await crypto.subtle.exportKey("raw", publicKey));
  // RFC 8410 section 7: the seed is the last of a PKCS #8 structure.
  const seed = Buffer.from(
    await crypto.subtle.exportKey("pkcs8", privateKey),
  ).subarray(-32);
  return {
    privateKey: keyFile(
      TYPE,
      [point],
      [point, Buffer.concat([seed, point])],
      comment,
    ),
    publicKey: `${TYPE} ${
      strings(Buffer.from(TYPE), point).toString("base64")
    }`,
  };
}
