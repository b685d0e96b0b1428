import { join } from "node:path";
import type { SshServer } from "./ssh_server.ts";

/** Writes a known_hosts file, with a server's key in OpenSSH's format, into its directory. */
export async function writeKnownHosts(
  { dir, port }: Pick<SshServer, "dir" | "port">,
  publicKey: string,
): Promise<Pick<SshServer, "knownHosts" | "knownHostsFile">> {
  const knownHosts = `[127.0.0.1]:${port} ${publicKey.trimEnd()}\n`;
  const knownHostsFile = join(dir, "known_hosts");
  await Deno.writeTextFile(knownHostsFile, knownHosts);
  return { knownHosts, knownHostsFile };
}
