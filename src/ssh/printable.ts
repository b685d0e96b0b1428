/** Text from the other side, fit for an error or a log: one line, without control characters, not long. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what it is for
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
