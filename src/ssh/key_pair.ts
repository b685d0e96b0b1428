import { Buffer } from "node:buffer";

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
  const blob = Buffer.concat([string("ssh-ed25519"), string(point)]);
  return {
    privateKey: pem(keyFile(blob, Buffer.concat([seed, point]), comment)),
    publicKey: `ssh-ed25519 ${blob.toString("base64")}`,
  };
}

/** What is in a private key's file before base64 (OpenSSH PROTOCOL.key). */
function keyFile(publicBlob: Buffer, secret: Buffer, comment: string): Buffer {
  // A number, twice: where a passphrase encrypts them, a wrong one shows.
  const check = crypto.getRandomValues(Buffer.alloc(4));
  const keys = Buffer.concat([
    check,
    check,
    publicBlob,
    string(secret),
    string(comment),
  ]);
  const padding = [1, 2, 3, 4, 5, 6, 7].slice(0, -keys.length & 7);
  return Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    string("none"), // the cipher
    string("none"), // how its key is derived
    string(""), // and with what
    uint32(1), // one key
    string(publicBlob),
    string(Buffer.concat([keys, Buffer.from(padding)])),
  ]);
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,70}/g) ?? [];
  return [
    "-----BEGIN OPENSSH PRIVATE KEY-----",
    ...lines,
    "-----END OPENSSH PRIVATE KEY-----",
    "",
  ].join("\n");
}

/** RFC 4251 section 5: a string is its length, then its bytes. */
function string(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
