import type { SshServer } from "../servers/ssh_server.ts";

/** Makes a home directory with a key and known_hosts, and returns an ssh:// URL and the permissions that examples need there. */
export async function createHome(server: SshServer) {
  const home = `${server.dir}/home`;
  await Deno.mkdir(`${home}/.ssh`, { recursive: true });
  await Deno.copyFile(server.keyFile, `${home}/.ssh/id_ed25519`);
  await Deno.copyFile(server.knownHostsFile, `${home}/.ssh/known_hosts`);
  return {
    home,
    url: `ssh://${server.user}@${server.hostname}:${server.port}`,
    permissions: [
      `--allow-net=${server.hostname}:${server.port}`,
      "--allow-env=HOME",
      `--allow-read=${home}/.ssh,/etc/ssh/ssh_known_hosts`,
    ],
  };
}
