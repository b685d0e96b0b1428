import { ProtocolError } from "../../../errors.ts";
import { toBigInt, toBytes } from "../../big_integer.ts";
import type { KeyAgreement } from "./key_agreement.ts";
import { modPow } from "./mod_pow.ts";

/** A group to calculate in. */
export interface DiffieHellmanGroup {
  /** The prime. */
  readonly p: bigint;
  /** The generator. */
  readonly g: bigint;
}

/**
 * Bytes of a private exponent: twice the strength of AES-256. RFC 7919
 * appendix A asks for 400 bits with the largest group.
 */
const EXPONENT_SIZE = 64;

/**
 * Diffie-Hellman in a group of numbers modulo a prime (RFC 4253 section 8).
 * Shares are big-endian numbers without zeros in front.
 */
export function diffieHellman({ p, g }: DiffieHellmanGroup): KeyAgreement {
  async function generate() {
    const exponent = crypto.getRandomValues(new Uint8Array(EXPONENT_SIZE));
    return { exponent, share: toBytes(await modPow(g, exponent, p)) };
  }

  /** RFC 8268 section 4: 1 and p-1 are out, too. */
  function check(number: bigint) {
    if (number > 1n && number < p - 1n) return;
    throw new ProtocolError("a Diffie-Hellman value is out of its range");
  }

  async function agree(exponent: Uint8Array, share: Uint8Array) {
    const number = toBigInt(share);
    check(number);
    const secret = await modPow(number, exponent, p);
    exponent.fill(0);
    check(secret);
    return toBytes(secret);
  }

  return {
    async initiate() {
      const { exponent, share } = await generate();
      return { share, finish: (peer) => agree(exponent, peer) };
    },
    async respond(peer) {
      check(toBigInt(peer)); // before any work
      const { exponent, share } = await generate();
      return { share, secret: await agree(exponent, peer) };
    },
  };
}
