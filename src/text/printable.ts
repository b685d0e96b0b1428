import { oneLine } from "./one_line.ts";
/** Characters of one line that are shown. */
const MAX_LENGTH = 200;
/** Lines of a text that are shown, and characters of each: a paragraph is often one line. */
const MAX_LINES = 100;
const MAX_LINE_LENGTH = 2000;

/**
 * Text from the other side, fit for an error or a log: one line, not long, and
 * without characters that do something to a terminal or hide what is said.
 */
export function printable(text: string): string {
  return shortened(harmless(text).trim(), MAX_LENGTH);
}

/** The same for a text of several lines, not many; each is indented as it was. None if it is blank. */
export function printableLines(text: string): string[] {
  if (printable(text) === "") return [];
  const lines = text.trimEnd().split(/\r?\n/, MAX_LINES + 1).map((line) =>
    shortened(harmless(line.replace(/\t/g, "    ")).trimEnd(), MAX_LINE_LENGTH)
  );
  return lines.length > MAX_LINES ? [...lines.slice(0, MAX_LINES), "…"] : lines;
}

/** Colours and the like go without a trace, as servers that are used with a terminal have them everywhere. */
function harmless(text: string): string {
  return oneLine(text.replace(ESCAPES, ""));
}

/** The escape sequences of ECMA-48: CSI …, strings such as OSC …, and short ones without letters. */
const ESCAPES =
  // deno-lint-ignore no-control-regex -- control characters are what is removed
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x90\x98\x9c-\x9f\n]*(?:\x07|\x1b\\|\x9c)|\x1b(?:[ -/]+[0-~]|[0-?])/g;

function shortened(line: string, length: number): string {
  return line.length > length ? `${line.slice(0, length)}…` : line;
}
