import { WireWriter } from "../../wire.ts";

/**
 * The file of a private key in OpenSSH's own format (PROTOCOL.key), without a
 * passphrase: `-----BEGIN OPENSSH PRIVATE KEY-----`.
 *
 * @param type The key's type, e.g. `ssh-ed25519`.
 * @param shown The fields of its public half.
 * @param secret The fields of its private half.
 * @param comment `ssh-add -l` shows it.
 */
export function keyFile(
  type: string,
  shown: readonly Uint8Array[],
  secret: readonly Uint8Array[],
  comment = "",
): string {
  // A number, twice: where a passphrase encrypts them, a wrong one shows.
  const check = crypto.getRandomValues(new Uint8Array(4));
  const keys = new WireWriter().raw(check).raw(check)
    .raw(strings(type, ...secret)).string(comment);
  const padding = [1, 2, 3, 4, 5, 6, 7].slice(0, -keys.bytes().length & 7);
  keys.raw(Uint8Array.from(padding));
  const bytes = new WireWriter().raw(
    new TextEncoder().encode("openssh-key-v1\0"),
  )
    .string("none") // the cipher
    .string("none") // how its key is derived
    .string("") // and with what
    .uint32(1) // one key
    .string(strings(type, ...shown))
    .string(keys.bytes())
    .bytes();
  const lines = bytes.toBase64().match(/.{1,70}/g) ?? [];
  return [
    "-----BEGIN OPENSSH PRIVATE KEY-----",
    ...lines,
    "-----END OPENSSH PRIVATE KEY-----",
    "",
  ].join("\n");
}

/** Each value's length, then its bytes. */
export function strings(...values: (Uint8Array | string)[]): Uint8Array {
  const writer = new WireWriter();
  for (const value of values) writer.string(value);
  return writer.bytes();
}
