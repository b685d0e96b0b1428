/** The word that was probably meant, if one is similar enough. */
export function nearest(
  written: string,
  words: Iterable<string>,
): string | undefined {
  // All short options are equally near but for their case.
  const limit = written.length <= 2 ? 0.5 : written.length / 3;
  const [best] = [...words]
    .map((word) => ({ word, distance: editDistance(written, word) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance);
  return best?.word;
}

/** Levenshtein's distance; letters that differ only in case are half as far. */
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
