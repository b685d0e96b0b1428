import type { Logger } from "../../../logger.ts";
import { ProtocolError } from "../../../errors.ts";
import { isSameKey } from "../../keys/public/key_blob.ts";
import type {
  ConnectOptions,
  PrivateKey,
  PublicKey,
} from "../../connect_options.ts";
import {
  isCertificateType,
  parseCertificate,
} from "../../keys/public/certificate.ts";
import { certifiedKey } from "./certified_key.ts";
import { readTextFile } from "../../../text/read_file.ts";
import { loadKey, MAX_KEY_BYTES, unusable } from "./load_key.ts";
import { publicKeyLine } from "../../keys/public/public_key_line.ts";
import type { SigningKey } from "../../keys/private/signing_key.ts";

/** A user's certificate. */
export interface UserCertificate {
  /** The certificate as it goes over the wire. */
  readonly blob: Uint8Array;
  /** The key that it certifies. */
  readonly key: Uint8Array;
}

/**
 * Reads the certificates that are named, or else those beside the files of
 * private keys that may be read.
 *
 * @throws as {@linkcode loadUserCertificate} does.
 */
export async function loadUserCertificates(
  { certificates, privateKeys = [] }: Pick<
    ConnectOptions,
    "certificates" | "privateKeys"
  >,
  logger: Logger,
): Promise<UserCertificate[]> {
  const sources = certificates ?? await besideKeys(privateKeys, logger);
  const loaded = await Promise.all(
    sources.map((source) => loadUserCertificate(source, logger)),
  );
  return loaded.filter((certificate) => certificate !== undefined);
}

/** Do not prompt for permission to read files that need not exist. */
async function besideKeys(
  keys: readonly PrivateKey[],
  logger: Logger,
): Promise<PublicKey[]> {
  const sources: PublicKey[] = [];
  for (const key of keys) {
    if (!("file" in key)) continue;
    const name = key.file.replace(/\.pub$/, "");
    for (const file of [`${name}-cert.pub`, `${name}.pub`]) {
      if (await holdsCertificate(file, logger)) {
        sources.push({ file, optional: true });
      }
    }
  }
  return sources;
}

async function holdsCertificate(
  path: string,
  logger: Logger,
): Promise<boolean> {
  const { state } = await Deno.permissions.query({ name: "read", path });
  if (state !== "granted") {
    logger.debug(
      `Not looking for a certificate in ${path}: run deno with --allow-read=${path}`,
    );
    return false;
  }
  try {
    const [type = ""] = (await readTextFile(path, MAX_KEY_BYTES)).trimStart()
      .split(" ");
    return isCertificateType(type);
  } catch {
    return false;
  }
}

/**
 * Reads a user's certificate.
 *
 * @returns nothing if it is optional, and missing or unusable.
 * @throws {AuthenticationError} that says which certificate cannot be used and why.
 * @throws {RForwardError} `permission-denied` if Deno may not read the file.
 */
export async function loadUserCertificate(
  source: PublicKey,
  logger: Logger,
): Promise<UserCertificate | undefined> {
  return await loadKey("certificate", source, logger, (name, text) => {
    const fail = (why: string, cause?: unknown) =>
      unusable(`certificate: ${name}`, why, cause);
    const blob = text.split("\n").map(publicKeyLine)
      .find((blob) => blob !== undefined);
    if (blob === undefined) throw fail("is not a public key line");
    try {
      const { role, key } = parseCertificate(blob);
      if (role !== "user") throw fail("is for a host, not for a user");
      return Promise.resolve({ blob, key });
    } catch (cause) {
      if (!(cause instanceof ProtocolError)) throw cause;
      throw fail(`cannot be used: ${cause.message}`, cause);
    }
  });
}

/**
 * Orders each key's certificates before the key itself: a server that
 * knows the authority does not know the key.
 */
export function withCertificates(
  keys: readonly SigningKey[],
  certificates: readonly UserCertificate[],
): SigningKey[] {
  return keys.flatMap((key) => [
    ...certificates.filter((certificate) =>
      isSameKey(certificate.key, key.blob)
    ).map(({ blob }) => certifiedKey(key, blob)),
    key,
  ]);
}
