import type { HostKeyError } from "../../errors.ts";
import { oneLine } from "./one_line.ts";

/** The command that forgets a key, as the error's message has it for each file. */
const REMOVAL = /ssh-keygen -R '(?:[^']|'\\'')*' -f '(?:[^']|'\\'')*'/g;

/**
 * What a person is told of a host key that was not accepted: of one that has
 * changed, what `ssh` would say.
 */
export function hostKeyWarning(error: HostKeyError): string {
  if (error.reason !== "changed") return oneLine(error.message);
  const removals = error.message.match(REMOVAL) ?? [];
  const line = "@".repeat(59);
  return [
    line,
    "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @",
    line,
    "IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!",
    "Someone could be eavesdropping on you right now (man-in-the-middle attack)!",
    "It is also possible that a host key has just been changed.",
    `The fingerprint for the ${error.keyType} key sent by the remote host is`,
    `${error.fingerprint}.`,
    "Ask the server's administrator whether that is its present key.",
    ...error.locations.map(({ file, line }) =>
      `Offending key in ${file}:${line}`
    ),
    ...removals.length === 0 ? [] : [
      "  only if it is, remove the offending key with:",
      ...removals.map((removal) => `  ${removal}`),
    ],
    "Host key verification failed.",
  ].join("\n");
}
