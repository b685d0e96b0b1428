import { ArgumentError } from "./errors.ts";

/**
 * Quotes one word for a shell. A quote in it is written `'"'"'`, without a backslash:
 * so it can be quoted again, and fish and tcsh, which may be login shells, read
 * it too.
 *
 * @throws {ArgumentError} if the word holds a NUL, which no argument can.
 */
export function quote(word: string): string {
  if (word.includes("\0")) {
    throw new ArgumentError("word", "an argument on the server holds no NUL");
  }
  return `'${word.replaceAll("'", `'"'"'`)}'`;
}
