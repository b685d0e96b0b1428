/** The most similar word, if it is similar enough to be meant. */
export function nearest(
  written: string,
  words: Iterable<string>,
): string | undefined {
  // Short options differ from all others by one letter; only another case is similar.
  const limit = written.length <= 2 ? 0.5 : written.length / 3;
  const [best] = [...words]
    .map((word) => ({ word, distance: editDistance(written, word) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance);
  return best?.word;
}

/** The Levenshtein distance; letters that differ only in case count half. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const change = letter === other
        ? 0
        : letter.toLowerCase() === other.toLowerCase()
        ? 0.5
        : 1;
      next.push(Math.min(
        (row[j + 1] ?? 0) + 1,
        (next[j] ?? 0) + 1,
        (row[j] ?? 0) + change,
      ));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
