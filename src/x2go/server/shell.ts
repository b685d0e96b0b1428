/** Commands that work in any login shell on the server. @module */

import { quote } from "../../quote.ts";

/**
 * A command whose output can be separated from what the user's `.bashrc` prints
 * around it, with the `PATH` that x2goserver's commands need. The markers are
 * those of python-x2go and X2Go Client.
 *
 * @param script What a POSIX shell is to run, on one line, as csh requires.
 * @param marker A unique text.
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

/** The output between the markers; undefined if it is incomplete. */
export function enclosed(output: string, marker: string): string | undefined {
  const begin = `\nX2GODATABEGIN:${marker}\n`;
  const start = output.indexOf(begin);
  if (start < 0) return undefined;
  const end = output.indexOf(`\nX2GODATAEND:${marker}\n`, start + begin.length);
  return end < 0 ? undefined : output.slice(start + begin.length, end);
}
