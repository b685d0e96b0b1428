import { concat } from "../../../streams/concat.ts";
import { ProtocolError } from "../../../errors.ts";
import { WireReader } from "../../wire.ts";
import {
  isCertificateType,
  parseCertificate,
  plainType,
} from "./certificate.ts";
import {
  ecdsaCurves,
  type ParsedPublicKey,
  parsePublicKey,
  rsaBits,
} from "./public_key.ts";
import { verifyRsa } from "./verify_rsa.ts";

/**
 * The signature algorithms that can be verified, with the type of the key that
 * each takes and the hash that it makes of what was signed. SHA-1 (`ssh-rsa`,
 * `ssh-dss`) is not among them.
 */
export const signatureAlgorithms: Readonly<
  Record<string, { keyType: ParsedPublicKey["type"]; hash: SignatureHash }>
> = {
  "ssh-ed25519": { keyType: "ssh-ed25519", hash: "SHA-512" },
  "ecdsa-sha2-nistp256": { keyType: "ecdsa-sha2-nistp256", hash: "SHA-256" },
  "ecdsa-sha2-nistp384": { keyType: "ecdsa-sha2-nistp384", hash: "SHA-384" },
  "ecdsa-sha2-nistp521": { keyType: "ecdsa-sha2-nistp521", hash: "SHA-512" },
  "rsa-sha2-512": { keyType: "ssh-rsa", hash: "SHA-512" },
  "rsa-sha2-256": { keyType: "ssh-rsa", hash: "SHA-256" },
  "sk-ssh-ed25519@openssh.com": {
    keyType: "sk-ssh-ed25519@openssh.com",
    hash: "SHA-256",
  },
  "sk-ecdsa-sha2-nistp256@openssh.com": {
    keyType: "sk-ecdsa-sha2-nistp256@openssh.com",
    hash: "SHA-256",
  },
};

/** A hash by its WebCrypto name. */
export type SignatureHash = "SHA-256" | "SHA-384" | "SHA-512";

/** Options of {@linkcode verifySignature}. */
export interface VerifyOptions {
  /** The fewest bits that an RSA key may have (OpenSSH: `RequiredRSASize`). @default {2048} */
  minRsaBits?: number;
}

/**
 * Verifies a signature.
 *
 * @param algorithm The signature algorithm that was agreed on, e.g. `rsa-sha2-512`; no other is accepted. With that of a certificate, `…-cert-v01@openssh.com`, the certificate's key has signed; whether the certificate is valid is not checked.
 * @param publicKey The key or certificate as it goes over the wire (RFC 4253 section 6.6).
 * @param data What was signed.
 * @param signature The signature with its algorithm in front (RFC 4253 section 6.6).
 * @throws {ProtocolError} that says why, unless the signature is the key's.
 */
export async function verifySignature(
  algorithm: string,
  publicKey: Uint8Array,
  data: Uint8Array,
  signature: Uint8Array,
  options: VerifyOptions = {},
): Promise<void> {
  if (isCertificateType(algorithm)) {
    const { key } = parseCertificate(publicKey);
    const plain = plainType(algorithm);
    return await verifySignature(plain, key, data, signature, options);
  }
  const { minRsaBits = 2048 } = options;
  const known = Object.hasOwn(signatureAlgorithms, algorithm)
    ? signatureAlgorithms[algorithm]
    : undefined;
  if (known === undefined) {
    throw new ProtocolError(
      `signatures of the algorithm ${algorithm} cannot be verified`,
    );
  }
  const key = parsePublicKey(publicKey);
  if (key.type !== known.keyType) {
    throw new ProtocolError(`a ${key.type} key cannot sign with ${algorithm}`);
  }
  if (key.type === "ssh-rsa" && rsaBits(key) < minRsaBits) {
    throw new ProtocolError(
      `the RSA key has ${
        rsaBits(key)
      } bits, at least ${minRsaBits} are required`,
    );
  }
  const reader = new WireReader(signature);
  if (reader.text() !== algorithm) {
    throw new ProtocolError(`a signature is not of the algorithm ${algorithm}`);
  }
  if (!await verify(key, known.hash, data, reader)) {
    throw new ProtocolError(`a signature is not valid for the ${key.type} key`);
  }
}

async function verify(
  key: ParsedPublicKey,
  hash: SignatureHash,
  data: Uint8Array,
  reader: WireReader,
): Promise<boolean> {
  const signature = reader.string();
  let signed = data;
  if ("application" in key) {
    // PROTOCOL.u2f: what the authenticator signs.
    const rest = reader.bytes(1 + 4); // flags and counter
    signed = concat(
      await digest(hash, key.application),
      rest,
      await digest(hash, data),
    );
  }
  reader.end();
  switch (key.type) {
    case "ssh-rsa":
      return await verifyRsa(key, hash, signed, signature);
    case "ssh-ed25519":
    case "sk-ssh-ed25519@openssh.com":
      return signature.length === 64 &&
        await verifyPoint("Ed25519", "Ed25519", key.point, signed, signature);
    case "sk-ecdsa-sha2-nistp256@openssh.com":
      return await verifyEcdsa(
        "ecdsa-sha2-nistp256",
        key.point,
        hash,
        signed,
        signature,
      );
    default:
      return await verifyEcdsa(key.type, key.point, hash, signed, signature);
  }
}

async function verifyEcdsa(
  type: keyof typeof ecdsaCurves,
  point: Uint8Array,
  hash: SignatureHash,
  data: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const { web, size } = ecdsaCurves[type];
  // RFC 5656 section 3.1.2 has two numbers, WebCrypto both at full length.
  const reader = new WireReader(signature);
  const numbers = [reader.mpint(8 * size), reader.mpint(8 * size)];
  reader.end();
  const full = new Uint8Array(2 * size);
  numbers.forEach((digits, index) =>
    full.set(digits, (index + 1) * size - digits.length)
  );
  return await verifyPoint(
    { name: "ECDSA", namedCurve: web },
    { name: "ECDSA", hash },
    point,
    data,
    full,
  );
}

async function verifyPoint(
  keyAlgorithm: "Ed25519" | EcKeyImportParams,
  algorithm: "Ed25519" | EcdsaParams,
  point: Uint8Array,
  data: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  try {
    const key = await crypto.subtle.importKey(
      "raw",
      new Uint8Array(point),
      keyAlgorithm,
      false,
      ["verify"],
    );
    return await crypto.subtle.verify(
      algorithm,
      key,
      new Uint8Array(signature),
      new Uint8Array(data),
    );
  } catch (cause) {
    throw new ProtocolError("a public key is not a point of its curve", {
      cause,
    });
  }
}

async function digest(
  hash: SignatureHash,
  data: Uint8Array,
): Promise<Uint8Array> {
  return new Uint8Array(
    await crypto.subtle.digest(hash, new Uint8Array(data)),
  );
}
