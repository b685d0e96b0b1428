import { sshArguments, type SshServer } from "./ssh_server.ts";
import { type ListeningProgram, startListening } from "./start_listening.ts";

/** Starts `ssh -D`, a SOCKS proxy that connects from the server. */
export function startSshSocks(server: SshServer): Promise<ListeningProgram> {
  return startListening("ssh", (port) => [
    ...["-N", "-D", `127.0.0.1:${port}`, "-o", "ExitOnForwardFailure=yes"],
    ...sshArguments(server),
  ]);
}
