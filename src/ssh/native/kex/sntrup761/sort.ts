/**
 * Sorts numbers of 32 bits without a sign, comparing the same places in the
 * same order whatever they are (Knuth, "The Art of Computer Programming",
 * volume 3, algorithm 5.2.2M: Batcher's merge exchange).
 */
export function sort(numbers: Uint32Array): void {
  const n = numbers.length;
  const signed = new Int32Array(numbers.buffer, numbers.byteOffset, n);
  for (let i = 0; i < n; i++) signed[i]! ^= 0x80000000;
  const top = 1 << 31 - Math.clz32(n - 1);
  for (let p = top; p > 0; p >>= 1) {
    let r = 0;
    let d = p;
    for (let q = top;; q >>= 1) {
      for (let i = 0; i < n - d; i++) {
        if ((i & p) === r) exchange(signed, i, i + d); // by place, not by content
      }
      if (q === p) break;
      d = q - p;
      r = p;
    }
  }
  for (let i = 0; i < n; i++) signed[i]! ^= 0x80000000;
}

/** Puts the smaller of two numbers first, without a branch. */
function exchange(numbers: Int32Array, i: number, j: number): void {
  const a = numbers[i]!;
  const b = numbers[j]!;
  const both = a ^ b;
  let less = b - a | 0;
  less ^= both & (less ^ b); // the sign, had it not overflowed
  const swap = less >> 31 & both;
  numbers[i] = a ^ swap;
  numbers[j] = b ^ swap;
}
