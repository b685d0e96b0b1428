import { ProtocolError } from "../../../errors.ts";
import { WireReader } from "../../wire.ts";

/** The curves of ECDSA keys: the names that SSH and WebCrypto have for them, and the bytes of a coordinate. */
export const ecdsaCurves = {
  "ecdsa-sha2-nistp256": { ssh: "nistp256", web: "P-256", size: 32 },
  "ecdsa-sha2-nistp384": { ssh: "nistp384", web: "P-384", size: 48 },
  "ecdsa-sha2-nistp521": { ssh: "nistp521", web: "P-521", size: 66 },
} as const;

/** The type of an ECDSA key (RFC 5656 section 3.1). */
export type EcdsaType = keyof typeof ecdsaCurves;

/** A public key, taken apart (RFC 4253 section 6.6, RFC 5656, RFC 8709, OpenSSH's PROTOCOL.u2f). */
export type ParsedPublicKey =
  | { readonly type: "ssh-ed25519"; readonly point: Uint8Array }
  | { readonly type: EcdsaType; readonly point: Uint8Array }
  | { readonly type: "ssh-rsa"; readonly e: Uint8Array; readonly n: Uint8Array }
  | {
    readonly type:
      | "sk-ssh-ed25519@openssh.com"
      | "sk-ecdsa-sha2-nistp256@openssh.com";
    readonly point: Uint8Array;
    /** What a FIDO key was made for, e.g. `ssh:`. */
    readonly application: Uint8Array;
  };

/** The first byte of a point that is not compressed (SEC 1 section 2.3.3). */
const UNCOMPRESSED = 4;

/**
 * Parses a public key. There is one way to write a key: lengths, leading
 * zeros and the end of the blob are checked. Whether a point is on its curve
 * shows when it is used.
 *
 * @param blob The key as it goes over the wire. What is returned are views of it.
 * @throws {ProtocolError} if it is not a key, or of a type that is not known.
 */
export function parsePublicKey(blob: Uint8Array): ParsedPublicKey {
  const reader = new WireReader(blob);
  const key = readPublicKey(reader.text(), reader);
  reader.end();
  return key;
}

/**
 * Reads the fields of a key, as they also stand in a certificate.
 *
 * @param type The key's type, without what marks a certificate.
 * @throws {ProtocolError} as {@linkcode parsePublicKey}.
 */
export function readPublicKey(
  type: string,
  reader: WireReader,
): ParsedPublicKey {
  switch (type) {
    case "ssh-ed25519":
      return { type, point: ed25519Point(reader) };
    case "sk-ssh-ed25519@openssh.com":
      return {
        type,
        point: ed25519Point(reader),
        application: reader.string(),
      };
    case "ecdsa-sha2-nistp256":
    case "ecdsa-sha2-nistp384":
    case "ecdsa-sha2-nistp521":
      return { type, point: ecdsaPoint(type, reader) };
    case "sk-ecdsa-sha2-nistp256@openssh.com":
      return {
        type,
        point: ecdsaPoint("ecdsa-sha2-nistp256", reader),
        application: reader.string(),
      };
    case "ssh-rsa":
      return { type, ...rsaNumbers(reader) };
    default:
      throw new ProtocolError("a public key is of a type that is not known");
  }
}

function ed25519Point(reader: WireReader): Uint8Array {
  const point = reader.string();
  if (point.length === 32) return point;
  throw new ProtocolError(
    `an Ed25519 key has ${point.length} bytes instead of 32`,
  );
}

function ecdsaPoint(type: EcdsaType, reader: WireReader): Uint8Array {
  const { ssh, size } = ecdsaCurves[type];
  if (reader.text() !== ssh) {
    throw new ProtocolError(`an ECDSA key is not on ${ssh}, as its type says`);
  }
  const point = reader.string();
  if (point.length === 1 + 2 * size && point[0] === UNCOMPRESSED) return point;
  throw new ProtocolError(`an ECDSA key is not a point of ${ssh}`);
}

/** A longer exponent would only cost the verifier time. */
const MAX_EXPONENT_BITS = 64;

function rsaNumbers(reader: WireReader): { e: Uint8Array; n: Uint8Array } {
  const e = reader.mpint(MAX_EXPONENT_BITS);
  const n = reader.mpint();
  const isOdd = (number: Uint8Array) => ((number.at(-1) ?? 0) & 1) === 1;
  const isOne = e.length === 1 && e[0] === 1;
  if (isOdd(e) && isOdd(n) && !isOne) return { e, n };
  throw new ProtocolError(
    "an RSA key has an exponent or modulus that cannot be",
  );
}

/** The bits of an RSA key's modulus. */
export function rsaBits({ n }: { n: Uint8Array }): number {
  return 8 * n.length - Math.clz32(n[0] ?? 0) + 24;
}
