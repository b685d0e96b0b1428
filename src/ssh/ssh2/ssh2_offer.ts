import {
  type AlgorithmLists,
  UnknownAlgorithmError,
} from "../message_transport.ts";
import { supportedAlgorithms } from "./ssh2_algorithms.ts";

/**
 * What ssh2 is to offer, in its own words.
 *
 * @throws {UnknownAlgorithmError} if it does not have one of them.
 */
export function ssh2Offer(lists: AlgorithmLists): object {
  const { kex, hostKey, cipher, mac, compression } = lists;
  const { serverHostKey, ...supported } = supportedAlgorithms;
  const known = { ...supported, hostKey: serverHostKey };
  for (
    const list of ["kex", "hostKey", "cipher", "mac", "compression"] as const
  ) {
    const unknown = lists[list].find((name) => !known[list].includes(name));
    if (unknown !== undefined) throw new UnknownAlgorithmError(list, unknown);
  }
  const direction = { cipher, mac, compress: compression, lang: [] };
  return { kex, serverHostKey: hostKey, cs: direction, sc: direction };
}
