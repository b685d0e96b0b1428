import { Buffer } from "node:buffer";
import type { Logger } from "../../../logger.ts";
import { keyType } from "../../keys/public/key_blob.ts";
import type { PublicKey } from "../../connect_options.ts";
import { readTextFile } from "../../../text/read_file.ts";
import { loadKey, MAX_KEY_BYTES, unusable } from "./load_key.ts";
import { OpensshKeyFile } from "../../keys/private/openssh_key_file.ts";
import { parsePublicKey } from "../../keys/public/public_key.ts";
import { publicKeyLine } from "../../keys/public/public_key_line.ts";

/**
 * Reads a public key.
 *
 * @returns undefined if it is optional, and missing or unusable.
 * @throws {AuthenticationError} that says which key cannot be used and why.
 * @throws {RForwardError} `permission-denied` if Deno may not read the file.
 */
export async function loadPublicKey(
  source: PublicKey,
  logger: Logger,
): Promise<Uint8Array | undefined> {
  const found = await orPublicFile(source);
  return await loadKey("public key", found, logger, async (name, text) => {
    // A private key in PEM does not show it.
    const key = publicHalf(text) ?? await readPublicFile(source);
    if (key) return key;
    throw unusable(
      `public key: ${name}`,
      "cannot be used (Ed25519, ECDSA or RSA, as a line, or in a private key of OpenSSH's format)",
    );
  });
}

/**
 * As in ssh, the `.pub` file stands for a key whose own file is missing: an
 * agent may have it.
 */
export async function orPublicFile<S extends PublicKey>(
  source: S,
): Promise<S> {
  if (!("file" in source)) return source;
  try {
    await Deno.stat(source.file);
    return source;
  } catch (error) {
    const stands = error instanceof Deno.errors.NotFound &&
      await readPublicFile(source) !== undefined;
    return stands ? { ...source, file: `${source.file}.pub` } : source;
  }
}

/** The public half of a key in the `.pub` file beside it, if that is there and may be read. */
export async function readPublicFile(
  source: PublicKey,
): Promise<Uint8Array | undefined> {
  if (!("file" in source)) return;
  const path = `${source.file}.pub`;
  const { state } = await Deno.permissions.query({ name: "read", path });
  if (state !== "granted") return;
  try {
    return publicHalf(await readTextFile(path, MAX_KEY_BYTES));
  } catch {
    return undefined;
  }
}

/**
 * The public half of a key that is a public key line, or a private key in
 * OpenSSH's format, where it is not encrypted (OpenSSH PROTOCOL.key), as it
 * goes over the wire; undefined if it cannot be read.
 */
export function publicHalf(text: string): Uint8Array | undefined {
  const [, base64] = OPENSSH.exec(text) ?? [];
  try {
    if (base64 !== undefined) {
      return new OpensshKeyFile(Buffer.from(base64, "base64")).publicKey;
    }
    const [line] = text.split(/\r?\n/).filter((it) => !/^\s*(#|$)/.test(it));
    const blob = publicKeyLine(line ?? "");
    // Keys of other types are for agents and servers to understand.
    if (blob && KNOWN.test(keyType(blob) ?? "")) parsePublicKey(blob);
    return blob;
  } catch {
    return undefined;
  }
}

const OPENSSH = /^-----BEGIN OPENSSH PRIVATE KEY-----([^-]+)/m;
const KNOWN = /^(sk-)?(ssh-(ed25519|rsa)|ecdsa-sha2-nistp\d+)(@openssh\.com)?$/;
