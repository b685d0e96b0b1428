import { findProgram } from "./availability.ts";
import { withFreePort } from "./free_port.ts";
import { listeningAt } from "./listening.ts";
import { sshArguments, type SshServer } from "./ssh_server.ts";

/** Starts `ssh -D`, a SOCKS proxy that connects from the server. */
export async function startSshSocks(
  server: SshServer,
): Promise<AsyncDisposable & { readonly port: number }> {
  const { child, port } = await withFreePort(async (port) => {
    const child = new Deno.Command(findProgram("ssh") ?? "ssh", {
      args: [
        ...["-N", "-D", `127.0.0.1:${port}`, "-o", "ExitOnForwardFailure=yes"],
        ...sshArguments(server),
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    let ended = false;
    child.status.then(() => ended = true);
    while (!ended && listeningAt(port).length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (ended) throw new Error("ssh -D did not start");
    return { child, port };
  });
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
    },
  };
}
