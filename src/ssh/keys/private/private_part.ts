import { concat } from "../../../streams/concat.ts";
import { ProtocolError } from "../../../errors.ts";
import { WireReader } from "../../wire.ts";
import { readDsaKey } from "./dsa_key.ts";
import { localKey } from "./local_key.ts";
import { ecdsaCurves, type EcdsaType } from "../public/public_key.ts";
import type { SigningKey } from "./signing_key.ts";

/**
 * Reads a key in the private part of a file in OpenSSH's format
 * (PROTOCOL.key), and makes it ready to sign.
 *
 * @param bytes What {@linkcode OpensshKeyFile.decrypt} returned.
 * @throws {ProtocolError} if it is garbled, or of an unknown kind.
 */
export async function readPrivatePart(bytes: Uint8Array): Promise<SigningKey> {
  const reader = new WireReader(bytes);
  const type = reader.text();
  return type === "ssh-dss"
    ? readDsaKey(reader)
    : await localKey(readJwk(type, reader));
}

function readJwk(type: string, reader: WireReader): JsonWebKey {
  switch (type) {
    case "ssh-ed25519": {
      const point = reader.string();
      const seed = reader.string().subarray(0, 32);
      return { kty: "OKP", crv: "Ed25519", x: base64(point), d: base64(seed) };
    }
    case "ssh-rsa": {
      const [n, e, d, qi, p, q] = Array.from(
        { length: 6 },
        () => reader.mpint(),
      ) as [Uint8Array, ...Uint8Array[]] & { length: 6 };
      return rsa({ n, e: e!, d: d!, qi: qi!, p: p!, q: q! });
    }
    default:
      if (!Object.hasOwn(ecdsaCurves, type)) {
        throw new ProtocolError("the kind of key is unknown");
      }
  }
  const { web, size } = ecdsaCurves[type as EcdsaType];
  reader.string(); // the curve
  const point = reader.string();
  if (point.length !== 1 + 2 * size) {
    throw new ProtocolError("the key is not a point of its curve");
  }
  return {
    ...{ kty: "EC", crv: web },
    x: base64(point.subarray(1, 1 + size)),
    y: base64(point.subarray(1 + size)),
    d: base64(padded(reader.mpint(8 * size), size)),
  };
}

function rsa(
  { n, e, d, qi, p, q }: Record<"n" | "e" | "d" | "qi" | "p" | "q", Uint8Array>,
): JsonWebKey {
  const exponent = (prime: Uint8Array) =>
    base64(
      digits(number(d) % (number(prime) - 1n), prime.length),
    );
  return {
    ...{ kty: "RSA", n: base64(n), e: base64(e), d: base64(d) },
    ...{ p: base64(p), q: base64(q), qi: base64(qi) },
    ...{ dp: exponent(p), dq: exponent(q) },
  };
}

function number(bytes: Uint8Array): bigint {
  return BigInt(`0x0${bytes.toHex()}`);
}

function digits(value: bigint, size: number): Uint8Array {
  return Uint8Array.fromHex(value.toString(16).padStart(2 * size, "0"));
}

function padded(bytes: Uint8Array, size: number): Uint8Array {
  return concat(new Uint8Array(size - bytes.length), bytes);
}

function base64(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
