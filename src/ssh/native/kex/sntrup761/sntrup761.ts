import { concat } from "../../../../streams/concat.ts";
import { ProtocolError } from "../../../../errors.ts";
import type { KeyAgreement } from "../key_agreement.ts";
import {
  decodeLarge,
  decodeRounded,
  decodeSmall,
  encodeLarge,
  encodeRounded,
  encodeSmall,
  LARGE_SIZE,
  ROUNDED_SIZE,
  SMALL_SIZE,
} from "./encoding.ts";
import { F3, FQ, reduce } from "./field.ts";
import { P, W } from "./parameters.ts";
import {
  multiply,
  nonzeroMask,
  type Polynomial,
  reciprocal,
} from "./polynomial.ts";
import { reciprocal3 } from "./reciprocal3.ts";
import { type Random, randomShort, randomSmall } from "./sampling.ts";

const HASH_SIZE = 32;
/** Bytes of a public key. */
export const SNTRUP761_KEY_SIZE = LARGE_SIZE;
/** Bytes of a ciphertext: the rounded polynomial, and a hash that confirms it. */
export const SNTRUP761_CIPHERTEXT_SIZE = ROUNDED_SIZE + HASH_SIZE;

const systemRandom: Random = (bytes) => {
  crypto.getRandomValues(bytes);
};

/** Whether this runtime can run it: it takes WebAssembly. */
export function hasSntrup761(): boolean {
  return typeof WebAssembly === "object";
}

/**
 * The key encapsulation mechanism sntrup761 (Streamlined NTRU Prime, round 3,
 * sections 3 and 4, as RFC 9941 refers to it). Nothing branches on or indexes
 * by a secret; what a JavaScript engine makes of it is beyond its reach.
 */
export const sntrup761: KeyAgreement = {
  async initiate() {
    const { publicKey, secretKey } = await generateKeys();
    return {
      share: publicKey,
      async finish(ciphertext) {
        const secret = await decapsulate(ciphertext, secretKey);
        secretKey.fill(0);
        return secret;
      },
    };
  },

  async respond(publicKey) {
    const { ciphertext, secret } = await encapsulate(publicKey);
    return { share: ciphertext, secret };
  },
};

/** @returns the keys as the submission has them: the secret one with the public one within. */
export async function generateKeys(
  random: Random = systemRandom,
): Promise<{ publicKey: Uint8Array; secretKey: Uint8Array }> {
  let g: Polynomial;
  let inverse: Polynomial | undefined;
  // Whether a discarded polynomial has an inverse reveals nothing.
  do inverse = reciprocal3(g = randomSmall(random)); while (!inverse);
  const f = randomShort(random);
  // Every short polynomial has one.
  const third = reciprocal(f, 3)!;
  const publicKey = encodeLarge(multiply(third, g, FQ));
  const rejected = new Uint8Array(SMALL_SIZE);
  random(rejected);
  const secretKey = concat(
    encodeSmall(f),
    encodeSmall(inverse),
    publicKey,
    rejected,
    await hash(4, publicKey),
  );
  for (const secret of [f, g, inverse, third, rejected]) secret.fill(0);
  return { publicKey, secretKey };
}

/** @throws {ProtocolError} if the key is not as long as keys are; anything else is one. */
export async function encapsulate(
  publicKey: Uint8Array,
  random: Random = systemRandom,
): Promise<{ ciphertext: Uint8Array; secret: Uint8Array }> {
  if (publicKey.length !== SNTRUP761_KEY_SIZE) {
    throw new ProtocolError("not a key of sntrup761");
  }
  const r = randomShort(random);
  const { input, ciphertext } = await encrypt(
    r,
    publicKey,
    await hash(4, publicKey),
  );
  const secret = await sessionKey(1, input, ciphertext);
  r.fill(0);
  input.fill(0);
  return { ciphertext, secret };
}

/**
 * A ciphertext that was not made for the key yields an unpredictable secret.
 *
 * @throws {ProtocolError} if it is not as long as ciphertexts are.
 */
export async function decapsulate(
  ciphertext: Uint8Array,
  secretKey: Uint8Array,
): Promise<Uint8Array> {
  if (ciphertext.length !== SNTRUP761_CIPHERTEXT_SIZE) {
    throw new ProtocolError("not a ciphertext of sntrup761");
  }
  let at = 0;
  const take = (size: number) => secretKey.subarray(at, at += size);
  const f = decodeSmall(take(SMALL_SIZE));
  const inverse = decodeSmall(take(SMALL_SIZE));
  const publicKey = take(LARGE_SIZE);
  const rejected = take(SMALL_SIZE);
  const cache = take(HASH_SIZE);

  const r = decrypt(ciphertext.subarray(0, ROUNDED_SIZE), f, inverse);
  const again = await encrypt(r, publicKey, cache);
  let difference = 0;
  ciphertext.forEach((byte, i) => difference |= byte ^ again.ciphertext[i]!);
  const isDifferent = nonzeroMask(difference);
  const { input } = again;
  for (let i = 0; i < SMALL_SIZE; i++) {
    input[i] = input[i]! ^ isDifferent & (input[i]! ^ rejected[i]!);
  }
  const secret = await sessionKey(1 + isDifferent, input, ciphertext);
  for (const bytes of [f, inverse, r, input, again.ciphertext]) bytes.fill(0);
  return secret;
}

/** @param cache The hash of the public key. */
async function encrypt(
  r: Polynomial,
  publicKey: Uint8Array,
  cache: Uint8Array,
): Promise<{ input: Uint8Array; ciphertext: Uint8Array }> {
  const product = multiply(decodeLarge(publicKey), r, FQ);
  const rounded = product.map((x) => x - reduce(x, F3));
  const input = encodeSmall(r);
  const ciphertext = concat(
    encodeRounded(rounded),
    await hash(2, await hash(3, input), cache),
  );
  product.fill(0);
  rounded.fill(0);
  return { input, ciphertext };
}

function decrypt(
  bytes: Uint8Array,
  f: Polynomial,
  inverse: Polynomial,
): Polynomial {
  const scaled = multiply(decodeRounded(bytes), f, FQ)
    .map((x) => reduce(reduce(3 * x, FQ), F3));
  const r = multiply(scaled, inverse, F3);
  let weight = 0;
  for (let i = 0; i < P; i++) weight += r[i]! & 1;
  // What cannot have been encrypted becomes one polynomial that can.
  const isWrong = nonzeroMask(weight - W);
  for (let i = 0; i < P; i++) {
    const fallback = i < W ? 1 : 0;
    r[i] = r[i]! ^ isWrong & (r[i]! ^ fallback);
  }
  scaled.fill(0);
  return r;
}

async function sessionKey(
  prefix: number,
  input: Uint8Array,
  ciphertext: Uint8Array,
): Promise<Uint8Array> {
  return await hash(prefix, await hash(3, input), ciphertext);
}

/** Half of the SHA-512 of a prefix and what follows. */
async function hash(
  prefix: number,
  ...parts: readonly Uint8Array[]
): Promise<Uint8Array> {
  const whole = concat(Uint8Array.of(prefix), ...parts);
  const digest = await crypto.subtle.digest("SHA-512", whole);
  whole.fill(0);
  return new Uint8Array(digest, 0, HASH_SIZE);
}
