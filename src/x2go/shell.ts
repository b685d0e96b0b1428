/** What goes through the user's shell on the server, whichever that is. @module */

import { ArgumentError } from "../errors.ts";

/**
 * One word for a shell. A quote in it is written `'"'"'`, without a backslash:
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

/**
 * A command whose output can be told from what the user's `.bashrc` prints
 * around it, with the `PATH` that x2goserver's commands need. The markers are
 * those of python-x2go and X2Go Client.
 *
 * @param script What a POSIX shell is to run, on one line: csh takes no more.
 * @param marker A text that nobody else prints.
 */
export function enclose(script: string, marker: string): string {
  return `exec sh -c ${
    quote([
      'PATH="/usr/local/bin:/usr/bin:/bin${PATH:+:$PATH}"; export PATH',
      `printf "\\nX2GODATABEGIN:%s\\n" ${quote(marker)}`,
      `(${script})`,
      "status=$?",
      `printf "\\nX2GODATAEND:%s\\n" ${quote(marker)}`,
      "exit $status",
    ].join("; "))
  }`;
}

/** What was printed between the markers; undefined if it is not all there. */
export function enclosed(output: string, marker: string): string | undefined {
  const begin = `\nX2GODATABEGIN:${marker}\n`;
  const start = output.indexOf(begin);
  if (start < 0) return undefined;
  const end = output.indexOf(`\nX2GODATAEND:${marker}\n`, start + begin.length);
  return end < 0 ? undefined : output.slice(start + begin.length, end);
}
