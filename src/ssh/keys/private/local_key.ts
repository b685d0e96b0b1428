import { WireWriter } from "../../wire.ts";
import { ecdsaCurves, type EcdsaType } from "../public/public_key.ts";
import type { SigningKey } from "./signing_key.ts";
import { signatureAlgorithms } from "../public/verify_signature.ts";

/** A kind of key by its JWK fields: its SSH type and public half, and WebCrypto's algorithm for it. */
interface Kind {
  readonly type: string;
  readonly blob: Uint8Array;
  readonly key: string | EcKeyAlgorithm | { name: string };
  readonly signature: { name: string };
  /** Turns WebCrypto's signature into SSH's. */
  encode(signature: Uint8Array): Uint8Array;
}

/**
 * A private key of this process, made ready to sign by WebCrypto.
 *
 * @param jwk The private key: Ed25519, ECDSA on a NIST curve, or RSA of at most 4096 bits.
 * @throws {TypeError} if it is not such a key.
 */
export async function localKey(jwk: JsonWebKey): Promise<SigningKey> {
  const { type, blob, key, signature, encode } = kindOf(jwk);
  const hashes = new Map<string, string>(
    Object.entries(signatureAlgorithms)
      .filter(([, { keyType }]) => keyType === type)
      .map(([name, { hash }]) => [name, hash]),
  );
  // Not verified here, but old servers may require it.
  if (type === "ssh-rsa") hashes.set("ssh-rsa", "SHA-1");
  const { alg: _, use: __, key_ops: ___, ...fields } = jwk;
  const keys = new Map<string, CryptoKey>();
  for (const [name, hash] of hashes) {
    const algorithm = typeof key === "string" ? key : { ...key, hash };
    keys.set(
      name,
      await crypto.subtle
        .importKey("jwk", fields, algorithm, false, ["sign"]),
    );
  }

  return {
    blob,
    algorithms: [...hashes.keys()],
    async sign(algorithm, data) {
      const key = keys.get(algorithm);
      if (key === undefined) {
        throw new TypeError(`a ${type} key cannot sign with ${algorithm}`);
      }
      const bytes = await crypto.subtle.sign(
        { ...signature, hash: hashes.get(algorithm)! },
        key,
        new Uint8Array(data),
      );
      return new WireWriter().string(algorithm)
        .string(encode(new Uint8Array(bytes))).bytes();
    },
  };
}

function kindOf(jwk: JsonWebKey): Kind {
  if (jwk.kty === "OKP" && jwk.crv === "Ed25519") {
    const type = "ssh-ed25519";
    return {
      type,
      blob: new WireWriter().string(type).string(field(jwk, "x")).bytes(),
      key: "Ed25519",
      signature: { name: "Ed25519" },
      encode: (signature) => signature,
    };
  }
  if (jwk.kty === "EC") {
    const [type, curve] = Object.entries(ecdsaCurves)
      .find(([, { web }]) => web === jwk.crv) ?? [];
    if (type !== undefined && curve !== undefined) {
      return ecdsa(type as EcdsaType, jwk);
    }
  }
  if (jwk.kty === "RSA") {
    const type = "ssh-rsa";
    return {
      type,
      blob: new WireWriter().string(type).mpint(field(jwk, "e"))
        .mpint(field(jwk, "n")).bytes(),
      key: { name: "RSASSA-PKCS1-v1_5" },
      signature: { name: "RSASSA-PKCS1-v1_5" },
      encode: (signature) => signature,
    };
  }
  throw new TypeError("SSH does not support this kind of key");
}

function ecdsa(type: EcdsaType, jwk: JsonWebKey): Kind {
  const { ssh, web, size } = ecdsaCurves[type];
  const point = new WireWriter().byte(4).raw(field(jwk, "x", size))
    .raw(field(jwk, "y", size)).bytes();
  return {
    type,
    blob: new WireWriter().string(type).string(ssh).string(point).bytes(),
    key: { name: "ECDSA", namedCurve: web },
    signature: { name: "ECDSA" },
    encode: (signature) =>
      new WireWriter().mpint(signature.subarray(0, size))
        .mpint(signature.subarray(size)).bytes(),
  };
}

function field(
  jwk: JsonWebKey,
  name: "x" | "y" | "e" | "n",
  size?: number,
): Uint8Array {
  const bytes = Uint8Array.fromBase64(jwk[name] ?? "", {
    alphabet: "base64url",
  });
  if (bytes.length > 0 && (size === undefined || bytes.length === size)) {
    return bytes;
  }
  throw new TypeError(`the key's ${name} is missing or incomplete`);
}
