import { getDiffieHellman } from "node:crypto";
import { toBigInt } from "../../big_integer.ts";
import type { DiffieHellmanGroup } from "./diffie_hellman.ts";

/** Bits of the groups of RFC 3526 by their numbers there. */
export const modpGroupBits = {
  14: 2048,
  15: 3072,
  16: 4096,
  17: 6144,
  18: 8192,
} as const;

/** The number of a group of RFC 3526. */
export type ModpGroupNumber = keyof typeof modpGroupBits;

/** A group of RFC 3526. */
export function modpGroup(number: ModpGroupNumber): DiffieHellmanGroup {
  const group = getDiffieHellman(`modp${number}`);
  return { p: toBigInt(group.getPrime()), g: toBigInt(group.getGenerator()) };
}
