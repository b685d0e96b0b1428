import type { HostKeyError } from "../../../errors.ts";
import { quote } from "../../../quote.ts";
import { oneLine } from "../../../text/one_line.ts";

/** The warning about a host key that was not accepted, in `ssh`'s words. */
export function hostKeyWarning(error: HostKeyError): string {
  return [...story(error), "Host key verification failed."].join("\n");
}

function story(error: HostKeyError): string[] {
  switch (error.reason) {
    case "changed":
      return changed(error);
    case "rejected": // by the person who was asked
      return [];
    case "unknown": // the message names the server and the remedy
    case "revoked":
      return [oneLine(error.message)];
  }
}

function changed(error: HostKeyError): string[] {
  const line = "@".repeat(59);
  const files = new Set(error.locations.map(({ file }) => file));
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
    "  only if it is, remove the offending key with:",
    ...[...files].map((file) =>
      `  ssh-keygen -R ${quote(error.host)} -f ${quote(file)}`
    ),
  ];
}
