import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { SshServer } from "../servers/ssh_server.ts";
import { startProcess } from "./bench_process.ts";

/** A server as clients far away see it. Disposing ends the path, not the server. */
export interface DistantServer extends AsyncDisposable {
  readonly server: SshServer;
}

/** Puts a path with a given round-trip time (ms) before a server. Its delay line is a process of its own. */
export async function startLongPath(
  server: SshServer,
  roundTripMs: number,
): Promise<DistantServer> {
  const line = await startProcess(
    Deno.execPath(),
    [
      ...["run", "--no-prompt", "-A"],
      fileURLToPath(import.meta.resolve("./delay_line.ts")),
      ...[String(server.port), String(roundTripMs / 2)],
    ],
    /^READY (\d+)$/m,
  );
  const knownHosts = server.knownHosts.replace(
    `:${server.port} `,
    `:${line.port} `,
  );
  const knownHostsFile = join(server.dir, `known_hosts_${line.port}`);
  await Deno.writeTextFile(knownHostsFile, knownHosts);
  return {
    server: { ...server, port: line.port, knownHosts, knownHostsFile },
    [Symbol.asyncDispose]: () => line[Symbol.asyncDispose](),
  };
}
