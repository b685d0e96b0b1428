import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withFreePort } from "./free_port.ts";
import { run } from "./run.ts";
import { ServerProcess } from "./server_process.ts";
import type { SshServer } from "./ssh_server.ts";
import { debianPython } from "./availability.ts";
import { writeKnownHosts } from "./write_known_hosts.ts";

/** Options of {@linkcode startAsyncsshServer}. */
export interface AsyncsshServerOptions {
  /** What `asyncssh.listen()` takes, e.g. `{ kex_algs: ["curve25519-sha256"] }`. */
  listen?: Record<string, unknown>;
  /** Lets several connections listen on one port (`SO_REUSEPORT`). */
  sharePorts?: boolean;
}

/**
 * Starts a server of asyncssh, an implementation that shares nothing with
 * OpenSSH. Its connections have no processes of their own: `killSessions()`
 * aborts them, whatever the signal.
 */
export async function startAsyncsshServer(
  options: AsyncsshServerOptions = {},
): Promise<SshServer> {
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "rforward-asyncssh-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));
  const hostKey = join(dir, "host_key");
  const keyFile = join(dir, "client_key");
  for (const file of [hostKey, keyFile]) {
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
  }

  const pidFile = join(dir, "pid");
  const script = fileURLToPath(import.meta.resolve("./asyncssh_server.py"));
  const { process, port } = await withFreePort(async (port) => {
    const settings = {
      host: "127.0.0.1",
      port,
      server_host_keys: [hostKey],
      authorized_client_keys: `${keyFile}.pub`,
      pid_file: pidFile,
      share_ports: options.sharePorts ?? false,
      ...options.listen,
    };
    const process = await ServerProcess.start({
      program: debianPython,
      args: [script, JSON.stringify(settings)],
      directory: dir,
      pidFile,
    });
    return { process, port };
  });
  stack.use(process);

  const publicKey = await Deno.readTextFile(`${hostKey}.pub`);
  const known = await writeKnownHosts({ dir, port }, publicKey);

  const resources = stack.move();
  return {
    hostname: "127.0.0.1",
    port,
    user: "user",
    password: undefined,
    keyFile,
    ...known,
    dir,
    pid: process.pid,
    status: process.status,
    log: () => process.log(),
    kill: (signal) => process.kill(signal),
    killSessions() {
      process.kill("SIGUSR1");
      return 1;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
