import { throwIfNotPermitted } from "../../permissions.ts";
import { ArgumentError, type HostKeyLocation } from "../../errors.ts";
import type { Certificate } from "../keys/public/certificate.ts";
import { readFile } from "../../text/read_file.ts";
import { Krl } from "./krl.ts";
import { plainKey } from "../keys/public/plain_key.ts";
import { publicKeyLine } from "../keys/public/public_key_line.ts";
import { isSameKey } from "../keys/public/key_blob.ts";

/** Where a key is revoked, and how. */
export interface Revocation extends HostKeyLocation {
  /** What is revoked, for a message; undefined for the key itself. */
  readonly what: string | undefined;
}

/** Keys that are refused for every host (OpenSSH: `RevokedHostKeys`). */
export interface RevokedKeys {
  /**
   * Finds a key, its certificate, or its certificate's authority.
   *
   * @param key The key as it goes over the wire, without a certificate.
   */
  find(key: Uint8Array, certificate?: Certificate): Revocation | undefined;
}

/**
 * Reads files of revoked keys: public keys, one a line, or a key revocation
 * list (`ssh-keygen -k`). As in ssh, no host key is accepted where one of them
 * cannot be understood.
 *
 * @throws {ArgumentError} if a file cannot be read or understood.
 * @throws {RForwardError} `permission-denied` if Deno may not read it.
 */
export async function readRevokedKeys(
  files: readonly string[],
): Promise<RevokedKeys> {
  const lists = await Promise.all(files.map(readList));
  return {
    find(key, certificate) {
      for (const list of lists) {
        const revocation = list.find(key, certificate);
        if (revocation !== undefined) return revocation;
      }
      return undefined;
    },
  };
}

async function readList(file: string): Promise<RevokedKeys> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throwIfNotPermitted(
      cause,
      "read the revoked host keys",
      `--allow-read=${file}`,
    );
    throw refusal(`${file} cannot be read: ${(cause as Error).message}`, cause);
  }
  if (!Krl.isKrl(bytes)) {
    return keyList(new TextDecoder().decode(bytes), file);
  }
  let krl: Krl;
  try {
    krl = new Krl(bytes);
  } catch (cause) {
    throw refusal(
      `${file} is a key revocation list that cannot be used: ${
        (cause as Error).message
      }`,
      cause,
    );
  }
  return {
    find(key, certificate) {
      const found = krl.find(key, certificate);
      return found && { file, line: 0, ...found };
    },
  };
}

function keyList(text: string, file: string): RevokedKeys {
  const keys = text.split("\n").flatMap((row, index) => {
    const content = row.trim();
    if (content === "" || content.startsWith("#")) return [];
    const line = index + 1;
    const data = publicKeyLine(content);
    try {
      // As in ssh, a certificate stands for its key.
      if (data !== undefined) return [{ line, data: plainKey(data) }];
    } catch (cause) {
      throw refusal(`${file}:${line} is not a certificate`, cause);
    }
    throw refusal(`${file}:${line} is not a public key`);
  });
  const holds = (key: Uint8Array) =>
    keys.find(({ data }) => isSameKey(data, key))?.line;
  return {
    find(key, certificate) {
      let line = holds(key);
      if (line !== undefined) return { file, line, what: undefined };
      line = certificate && holds(certificate.authority);
      if (line === undefined) return undefined;
      return { file, line, what: "its certificate's authority" };
    },
  };
}

function refusal(why: string, cause?: unknown): ArgumentError {
  return new ArgumentError(
    "hostKeys.revokedKeys",
    `no host key is accepted, as ${why}`,
    cause === undefined ? undefined : { cause },
  );
}
