/**
 * Text from the other side, fit for an error or a log: one line, not long, and
 * without characters that do something to a terminal or hide what is said.
 */
export function printable(text: string): string {
  const line = text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ").trim();
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
