import { P, W } from "./parameters.ts";
import type { Polynomial } from "./polynomial.ts";
import { sort } from "./sort.ts";

/** Fills bytes at random. */
export type Random = (bytes: Uint8Array<ArrayBuffer>) => void;

/** A polynomial of -1, 0 and 1, each as likely. */
export function randomSmall(random: Random): Polynomial {
  const words = randomWords(random);
  const result = new Int32Array(P);
  for (let i = 0; i < P; i++) {
    result[i] = (Math.imul(words[i]! & 0x3fffffff, 3) >>> 30) - 1;
  }
  words.fill(0);
  return result;
}

/** A polynomial of -1, 0 and 1 with {@linkcode W} that are not 0: marked words, shuffled by sorting. */
export function randomShort(random: Random): Polynomial {
  const words = randomWords(random);
  for (let i = 0; i < W; i++) words[i] = words[i]! & ~1;
  for (let i = W; i < P; i++) words[i] = words[i]! & ~3 | 1;
  sort(words);
  const result = new Int32Array(P);
  for (let i = 0; i < P; i++) result[i] = (words[i]! & 3) - 1;
  words.fill(0);
  return result;
}

/** Little-endian words, as the published vectors have them. */
function randomWords(random: Random): Uint32Array {
  const bytes = new Uint8Array(4 * P);
  random(bytes);
  const view = new DataView(bytes.buffer);
  const words = Uint32Array.from(
    { length: P },
    (_, index) => view.getUint32(4 * index, true),
  );
  bytes.fill(0);
  return words;
}
