import { join } from "node:path";
import { findProgram } from "./availability.ts";
import { withFreePort } from "./free_port.ts";
import { run } from "./run.ts";
import { ServerProcess } from "./server_process.ts";
import type { SshServer } from "./ssh_server.ts";
import { createTemporaryUser } from "./temporary_user.ts";
import { writeKnownHosts } from "./write_known_hosts.ts";

/** Options of {@linkcode startDropbear}. */
export interface DropbearOptions {
  /** Further arguments, e.g. `["-a"]` (its `GatewayPorts`) or `["-k"]` (no remote forwarding). */
  args?: string[];
}

/**
 * Starts a dropbear of its own; it listens when the promise is fulfilled.
 *
 * Root only: dropbear takes authorized_keys from the user's home and nowhere
 * else (before 2024.84), so the fixture adds a user rather than touch a real one's file.
 */
export async function startDropbear(
  options: DropbearOptions = {},
): Promise<SshServer> {
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "rforward-dropbear-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));
  const user = stack.use(await createTemporaryUser());

  const hostKey = join(dir, "host_key");
  const printed = await run("dropbearkey", ["-t", "ed25519", "-f", hostKey]);
  const publicKey = printed.match(/^ssh-ed25519 \S+/m)?.[0];
  if (publicKey === undefined) {
    throw new Error(`dropbearkey printed no public key: ${printed}`);
  }

  const keyFile = join(dir, "client_key");
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", keyFile]);
  await user.mkdir(join(user.home, ".ssh"));
  await user.write(
    join(user.home, ".ssh", "authorized_keys"),
    await Deno.readTextFile(`${keyFile}.pub`),
  );

  const pidFile = join(dir, "pid");
  const { process, port } = await withFreePort(async (port) => {
    const process = await ServerProcess.start({
      program: findProgram("dropbear") ?? "/usr/sbin/dropbear",
      args: [
        ...["-F", "-E", "-p", `127.0.0.1:${port}`],
        ...["-r", hostKey, "-P", pidFile],
        ...options.args ?? [],
      ],
      directory: dir,
      pidFile,
    });
    return { process, port };
  });
  stack.use(process);

  const known = await writeKnownHosts({ dir, port }, publicKey);

  const resources = stack.move();
  return {
    hostname: "127.0.0.1",
    port,
    user: user.name,
    password: user.password,
    keyFile,
    ...known,
    dir,
    pid: process.pid,
    status: process.status,
    log: () => process.log(),
    kill: (signal) => process.kill(signal),
    killSessions: (signal) => process.killSessions(signal),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
