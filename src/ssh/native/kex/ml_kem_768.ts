import { ProtocolError } from "../../../errors.ts";
import type { KeyAgreement } from "./key_agreement.ts";

/** Bytes of an encapsulation key and of a ciphertext (FIPS 203 section 8). */
export const ML_KEM_768_KEY_SIZE = 1184;
export const ML_KEM_768_CIPHERTEXT_SIZE = 1088;

const algorithm = { name: "ML-KEM-768" };

/**
 * What WebCrypto gained with "Modern Algorithms in the Web Cryptography API";
 * TypeScript does not know it yet.
 */
interface ModernSubtleCrypto {
  generateKey(
    algorithm: { name: string },
    extractable: boolean,
    usages: readonly string[],
  ): Promise<CryptoKeyPair>;
  importKey(
    format: "raw-public",
    key: Uint8Array,
    algorithm: { name: string },
    extractable: boolean,
    usages: readonly string[],
  ): Promise<CryptoKey>;
  exportKey(format: "raw-public", key: CryptoKey): Promise<ArrayBuffer>;
  encapsulateBits(
    algorithm: { name: string },
    key: CryptoKey,
  ): Promise<{ ciphertext: ArrayBuffer; sharedKey: ArrayBuffer }>;
  decapsulateBits(
    algorithm: { name: string },
    key: CryptoKey,
    ciphertext: Uint8Array,
  ): Promise<ArrayBuffer>;
}

/** Whether this runtime has ML-KEM-768. */
export function hasMlKem768(): boolean {
  const { supports } = SubtleCrypto as {
    supports?(operation: string, algorithm: string): boolean;
  };
  return "encapsulateBits" in crypto.subtle &&
    supports?.call(SubtleCrypto, "encapsulateBits", algorithm.name) !== false;
}

/** The key encapsulation mechanism ML-KEM-768 (FIPS 203), by WebCrypto. */
export const mlKem768: KeyAgreement = {
  async initiate() {
    const subtle = modern();
    const { publicKey, privateKey } = await subtle.generateKey(
      algorithm,
      false,
      ["encapsulateBits", "decapsulateBits"],
    );
    return {
      share: new Uint8Array(await subtle.exportKey("raw-public", publicKey)),
      async finish(ciphertext) {
        try {
          return new Uint8Array(
            await subtle.decapsulateBits(algorithm, privateKey, ciphertext),
          );
        } catch (cause) {
          throw new ProtocolError("not a ciphertext of ML-KEM-768", { cause });
        }
      },
    };
  },

  async respond(share) {
    const subtle = modern();
    try {
      // FIPS 203 section 7.2: encapsulation checks the key first.
      const key = await subtle.importKey(
        "raw-public",
        share,
        algorithm,
        false,
        ["encapsulateBits"],
      );
      const { ciphertext, sharedKey } = await subtle
        .encapsulateBits(algorithm, key);
      return {
        share: new Uint8Array(ciphertext),
        secret: new Uint8Array(sharedKey),
      };
    } catch (cause) {
      throw new ProtocolError("not a key of ML-KEM-768", { cause });
    }
  },
};

function modern(): ModernSubtleCrypto {
  return crypto.subtle as unknown as ModernSubtleCrypto;
}
