import type { ServerInfo } from "./connection.ts";

/**
 * What runs on the other side: whose options a message may name, and whose
 * ways are known. `go` is a program made with Go's SSH package, as the servers
 * of most public tunnel services are: its ports are often none of its host's.
 */
export type ServerKind = "openssh" | "dropbear" | "go" | "other";

/** Works out the kind of a server from its identification, which can be forged: good for advice only. */
export function serverKind(
  { software }: Pick<ServerInfo, "software">,
): ServerKind {
  if (/^OpenSSH/.test(software)) return "openssh";
  if (/^dropbear/.test(software)) return "dropbear";
  return software === "Go" ? "go" : "other";
}
