import { createHash } from "node:crypto";
import { ProtocolError } from "../../errors.ts";
import { WireReader } from "../wire.ts";
import type { Certificate } from "../keys/public/certificate.ts";

/** "SSHKRL\n\0" */
const MAGIC = Uint8Array.of(0x53, 0x53, 0x48, 0x4b, 0x52, 0x4c, 0x0a, 0x00);
const FORMAT_VERSION = 1;

// PROTOCOL.krl section 1, and 2 for those within the certificates of an authority.
const CERTIFICATES = 1;
const EXPLICIT_KEY = 2;
const FINGERPRINT_SHA1 = 3;
const SIGNATURE = 4;
const FINGERPRINT_SHA256 = 5;
const EXTENSION = 255;
const SERIAL_LIST = 0x20;
const SERIAL_RANGE = 0x21;
const SERIAL_BITMAP = 0x22;
const KEY_ID = 0x23;
const CERTIFICATE_EXTENSION = 0x39;

/** What is revoked of one authority, or of all. */
interface RevokedCertificates {
  /** The authority's key in hexadecimal; empty for all authorities. */
  readonly authority: string;
  readonly serials: Set<bigint>;
  readonly ranges: (readonly [first: bigint, last: bigint])[];
  readonly bitmaps: { readonly offset: bigint; readonly bits: Uint8Array }[];
  readonly keyIds: Set<string>;
}

/** A key revocation list of OpenSSH (PROTOCOL.krl), as `ssh-keygen -k` writes it. */
export class Krl {
  /** Keys as they go over the wire, and their digests, in hexadecimal. */
  readonly #keys = new Set<string>();
  readonly #sha1 = new Set<string>();
  readonly #sha256 = new Set<string>();
  readonly #certificates: RevokedCertificates[] = [];

  /** Whether bytes begin as a key revocation list does. */
  static isKrl(bytes: Uint8Array): boolean {
    return MAGIC.every((byte, index) => bytes[index] === byte);
  }

  /**
   * Reads a list. Whatever is not known in it makes it unusable, as it may
   * revoke something.
   *
   * @throws {ProtocolError} if it is not one, or holds what is not known.
   */
  constructor(bytes: Uint8Array) {
    if (!Krl.isKrl(bytes)) {
      throw new ProtocolError("it is not a key revocation list");
    }
    const reader = new WireReader(bytes, MAGIC.length);
    const version = reader.uint32();
    if (version !== FORMAT_VERSION) {
      throw new ProtocolError(
        `its format is ${version}, not ${FORMAT_VERSION}`,
      );
    }
    for (let i = 0; i < 3; i++) reader.uint64(); // its number, when it was made, flags
    reader.string(); // reserved
    reader.string(); // a comment
    while (reader.left > 0) this.#readSection(reader.byte(), reader.string());
  }

  /**
   * Finds what is revoked of a key.
   *
   * @param key The key as it goes over the wire, without a certificate.
   * @param certificate The certificate that came with it: then it may be revoked itself, or its authority.
   * @returns what is revoked, for a message: undefined for the key itself.
   */
  find(
    key: Uint8Array,
    certificate?: Certificate,
  ): { what: string | undefined } | undefined {
    if (this.#hasKey(key)) return { what: undefined };
    if (certificate === undefined) return undefined;
    const { serial, keyId } = certificate;
    const authority = certificate.authority.toHex();
    for (const revoked of this.#certificates) {
      if (revoked.authority !== "" && revoked.authority !== authority) continue;
      if (revoked.keyIds.has(keyId)) {
        return { what: "its certificate, by its key ID," };
      }
      // 0 stands for certificates without a number.
      if (serial !== 0n && hasSerial(revoked, serial)) {
        return { what: `its certificate, by its serial number ${serial},` };
      }
    }
    return this.#hasKey(certificate.authority)
      ? { what: "its certificate's authority" }
      : undefined;
  }

  #hasKey(key: Uint8Array): boolean {
    const digest = (name: string) => createHash(name).update(key).digest("hex");
    return this.#keys.has(key.toHex()) ||
      this.#sha1.has(digest("sha1")) || this.#sha256.has(digest("sha256"));
  }

  #readSection(type: number, bytes: Uint8Array): void {
    const reader = new WireReader(bytes);
    switch (type) {
      case CERTIFICATES:
        return this.#readCertificates(reader);
      case EXPLICIT_KEY:
        while (reader.left > 0) this.#keys.add(reader.string().toHex());
        return;
      case FINGERPRINT_SHA1:
        return readDigests(reader, 20, this.#sha1);
      case FINGERPRINT_SHA256:
        return readDigests(reader, 32, this.#sha256);
      case EXTENSION:
        return readExtension(reader);
      case SIGNATURE: // OpenSSH takes none since 9.4, and never made one
        throw new ProtocolError("it is signed, which is not supported");
      default:
        throw new ProtocolError(`it has a section of the unknown type ${type}`);
    }
  }

  #readCertificates(reader: WireReader): void {
    const authority = reader.string();
    reader.string(); // reserved
    const revoked: RevokedCertificates = {
      authority: authority.toHex(),
      serials: new Set(),
      ranges: [],
      bitmaps: [],
      keyIds: new Set(),
    };
    while (reader.left > 0) {
      readCertificateSection(reader.byte(), reader.string(), revoked);
    }
    this.#certificates.push(revoked);
  }
}

function readCertificateSection(
  type: number,
  bytes: Uint8Array,
  { serials, ranges, bitmaps, keyIds }: RevokedCertificates,
): void {
  const reader = new WireReader(bytes);
  switch (type) {
    case SERIAL_LIST:
      while (reader.left > 0) serials.add(reader.uint64());
      return;
    case SERIAL_RANGE: {
      const [first, last] = [reader.uint64(), reader.uint64()];
      if (first > last) throw new ProtocolError("it has an empty range");
      ranges.push([first, last]);
      return reader.end();
    }
    case SERIAL_BITMAP: {
      const offset = reader.uint64();
      const bits = reader.mpint(MAX_BITMAP_BITS);
      bitmaps.push({ offset, bits: new Uint8Array(bits) });
      return reader.end();
    }
    case KEY_ID:
      while (reader.left > 0) keyIds.add(reader.text());
      return;
    case CERTIFICATE_EXTENSION:
      return readExtension(reader);
    default:
      throw new ProtocolError(
        `it has certificates in a section of the unknown type ${type}`,
      );
  }
}

/** As many as OpenSSH takes. */
const MAX_BITMAP_BITS = 1 << 24;

function hasSerial(
  { serials, ranges, bitmaps }: RevokedCertificates,
  serial: bigint,
): boolean {
  return serials.has(serial) ||
    ranges.some(([first, last]) => first <= serial && serial <= last) ||
    bitmaps.some(({ offset, bits }) => {
      const index = serial - offset;
      if (index < 0n || index >= BigInt(8 * bits.length)) return false;
      const byte = bits[bits.length - 1 - Number(index >> 3n)]!;
      return (byte >> Number(index & 7n) & 1) === 1;
    });
}

function readDigests(
  reader: WireReader,
  size: number,
  digests: Set<string>,
): void {
  while (reader.left > 0) {
    const digest = reader.string();
    if (digest.length !== size) {
      throw new ProtocolError(`it has a digest of ${digest.length} bytes`);
    }
    digests.add(digest.toHex());
  }
}

/** @throws {ProtocolError} if the extension is critical: none is known. */
function readExtension(reader: WireReader): void {
  reader.string(); // its name
  const isCritical = reader.boolean();
  reader.string(); // its content
  reader.end();
  if (!isCritical) return;
  throw new ProtocolError("it has an unknown critical extension");
}
