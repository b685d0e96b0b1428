/** known_hosts lines of this process, by the file that could not take them. */
const linesByFile = new Map<string, string[]>();

/** Remembers a key for as long as this process runs, as its file cannot be written. */
export function keepUnwritten(file: string, line: string): void {
  const lines = linesByFile.get(file) ?? [];
  linesByFile.set(file, [...lines, line]);
}

/** The lines that a file would have if it could be written. */
export function unwrittenLines(file: string): string {
  return linesByFile.get(file)?.join("\n") ?? "";
}
