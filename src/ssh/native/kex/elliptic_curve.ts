import { ProtocolError } from "../../../errors.ts";
import type { KeyAgreement } from "./key_agreement.ts";

/** A curve by its WebCrypto name, and how its shares and secrets are sized, in bytes. */
const curves = {
  X25519: { share: 32, secret: 32 },
  "P-256": { share: 65, secret: 32 },
  "P-384": { share: 97, secret: 48 },
  "P-521": { share: 133, secret: 66 },
} as const;

/** The first byte of a point that is not compressed (SEC 1 section 2.3.3). */
const UNCOMPRESSED = 4;

/**
 * Diffie-Hellman on an elliptic curve, by WebCrypto. Shares are as SSH sends
 * them: 32 bytes for X25519 (RFC 8731 section 3), an uncompressed point for
 * the NIST curves (RFC 5656 section 4). A point that is not on its curve, and
 * one that makes X25519's secret zero, is refused.
 */
export function ellipticCurve(curve: keyof typeof curves): KeyAgreement {
  const { share: shareSize, secret: secretSize } = curves[curve];
  const algorithm = curve === "X25519"
    ? { name: curve }
    : { name: "ECDH", namedCurve: curve };

  async function generate() {
    const pair = await crypto.subtle.generateKey(algorithm, false, [
      "deriveBits",
    ]) as CryptoKeyPair;
    const share = await crypto.subtle.exportKey("raw", pair.publicKey);
    return { privateKey: pair.privateKey, share: new Uint8Array(share) };
  }

  async function agree(privateKey: CryptoKey, share: Uint8Array) {
    if (
      share.length !== shareSize ||
      (curve !== "X25519" && share[0] !== UNCOMPRESSED)
    ) {
      throw new ProtocolError(`not a point of ${curve}`);
    }
    let secret: Uint8Array;
    try {
      const point = new Uint8Array(share);
      const peer = await crypto.subtle
        .importKey("raw", point, algorithm, false, []);
      secret = new Uint8Array(
        await crypto.subtle.deriveBits(
          { name: algorithm.name, public: peer },
          privateKey,
          8 * secretSize,
        ),
      );
    } catch (cause) {
      throw new ProtocolError(`not a point of ${curve}`, { cause });
    }
    // RFC 8731 section 3: abort if the secret is all zero. The platform does
    // so too; a constant-time look costs nothing.
    if (
      secret.length !== secretSize ||
      secret.reduce((bits, byte) => bits | byte, 0) === 0
    ) {
      throw new ProtocolError(`the point of ${curve} makes no secret`);
    }
    return secret;
  }

  return {
    async initiate() {
      const { privateKey, share } = await generate();
      return { share, finish: (peer) => agree(privateKey, peer) };
    },
    async respond(peer) {
      const { privateKey, share } = await generate();
      return { share, secret: await agree(privateKey, peer) };
    },
  };
}
