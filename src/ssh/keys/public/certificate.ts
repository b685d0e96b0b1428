import { ProtocolError } from "../../../errors.ts";
import { WireReader, WireWriter } from "../../wire.ts";
import { parsePublicKey, readPublicKey } from "./public_key.ts";

/** What the name of a certificate's type ends with. */
const SUFFIX = "-cert-v01@openssh.com";
/** As many as OpenSSH takes. */
const MAX_PRINCIPALS = 256;

/** A certificate of OpenSSH (PROTOCOL.certkeys), taken apart and not verified yet. */
export interface Certificate {
  /** Its type, e.g. `ssh-ed25519-cert-v01@openssh.com`. */
  readonly type: string;
  /** The type of the key that it certifies, e.g. `ssh-ed25519`. */
  readonly keyType: string;
  /** That key as it goes over the wire without a certificate. */
  readonly key: Uint8Array;
  /** A number from the authority; 0 where it does not count. */
  readonly serial: bigint;
  /** Whom it is for. */
  readonly role: "user" | "host";
  /** What the authority calls it, for logs: any text. */
  readonly keyId: string;
  /** The hosts or users that it is for; all of them if there are none. */
  readonly principals: readonly string[];
  /** Seconds since 1970 from which it is valid. */
  readonly validAfter: bigint;
  /** Seconds since 1970 from which it is not valid; 2^64 - 1 for always. */
  readonly validBefore: bigint;
  /** Critical options: whoever accepts it has to understand them. */
  readonly criticalOptions: ReadonlyMap<string, Uint8Array>;
  /** Options that may be ignored. */
  readonly extensions: ReadonlyMap<string, Uint8Array>;
  /** The authority's public key as it goes over the wire. */
  readonly authority: Uint8Array;
  /** The algorithm of {@linkcode signature}, e.g. `rsa-sha2-512`. */
  readonly signatureAlgorithm: string;
  /** What the authority signed. */
  readonly signed: Uint8Array;
  /** Its signature, with the algorithm in front. */
  readonly signature: Uint8Array;
}

/** Whether a key type or signature algorithm is that of a certificate. */
export function isCertificateType(name: string): boolean {
  return name.endsWith(SUFFIX);
}

/** A key type or signature algorithm without what marks a certificate. */
export function plainType(name: string): string {
  if (!isCertificateType(name)) return name;
  const plain = name.slice(0, -SUFFIX.length);
  return plain.startsWith("sk-") ? `${plain}@openssh.com` : plain;
}

/** A key type or signature algorithm for certificates. */
export function certificateType(name: string): string {
  return `${name.replace(/@openssh\.com$/, "")}${SUFFIX}`;
}

/**
 * Parses a certificate.
 *
 * @param blob The certificate as it goes over the wire; what is returned are copies.
 * @throws {ProtocolError} if it is not one.
 */
export function parseCertificate(blob: Uint8Array): Certificate {
  const bytes = new Uint8Array(blob);
  const reader = new WireReader(bytes);
  const type = reader.text();
  if (!isCertificateType(type)) {
    throw new ProtocolError("a key is not a certificate");
  }
  const keyType = plainType(type);
  reader.string(); // a nonce
  const read = () => bytes.length - reader.left;
  const start = read();
  readPublicKey(keyType, reader);
  const key = new WireWriter().string(keyType)
    .raw(bytes.subarray(start, read())).bytes();
  const serial = reader.uint64();
  const role = readRole(reader.uint32());
  const keyId = reader.text();
  const principals = readPrincipals(reader.string());
  const validAfter = reader.uint64();
  const validBefore = reader.uint64();
  const criticalOptions = readOptions(reader.string());
  const extensions = readOptions(reader.string());
  reader.string(); // reserved
  const authority = reader.string();
  // It may be no certificate itself.
  parsePublicKey(authority);
  const signed = bytes.subarray(0, read());
  const signature = reader.string();
  reader.end();
  const signatureAlgorithm = new WireReader(signature).text();
  return {
    ...{ type, keyType, key, serial, role, keyId, principals },
    ...{ validAfter, validBefore, criticalOptions, extensions },
    ...{ authority, signatureAlgorithm, signed, signature },
  };
}

function readRole(number: number): "user" | "host" {
  if (number === 1) return "user";
  if (number === 2) return "host";
  throw new ProtocolError("a certificate is neither for users nor for hosts");
}

function readPrincipals(bytes: Uint8Array): string[] {
  const reader = new WireReader(bytes);
  const principals = [];
  while (reader.left > 0) {
    if (principals.length === MAX_PRINCIPALS) {
      throw new ProtocolError(
        `a certificate has more than ${MAX_PRINCIPALS} principals`,
      );
    }
    principals.push(reader.text());
  }
  return principals;
}

function readOptions(bytes: Uint8Array): Map<string, Uint8Array> {
  const reader = new WireReader(bytes);
  const options = new Map<string, Uint8Array>();
  while (reader.left > 0) {
    const name = reader.text();
    if (options.has(name)) {
      throw new ProtocolError("a certificate has an option twice");
    }
    options.set(name, reader.string());
  }
  return options;
}
