/** What the fixtures of real SSH servers have in common. */
export interface SshServer extends AsyncDisposable {
  /** Always `127.0.0.1`. */
  readonly hostname: string;
  /** Where it listens. */
  readonly port: number;
  /** Who can log in. */
  readonly user: string;
  /** The user's password, if there is one that works. */
  readonly password: string | undefined;
  /** An ed25519 private key that the server accepts, in OpenSSH's format. */
  readonly keyFile: string;
  /** A known_hosts file with the server's key. */
  readonly knownHostsFile: string;
  /** The same as text. */
  readonly knownHosts: string;
  /** The fixture's own directory, readable by its user alone. */
  readonly dir: string;
  /** The master's process id. */
  readonly pid: number;
  /** How the master ended. */
  readonly status: Promise<Deno.CommandStatus>;
  /** What it has logged so far. */
  log(): Promise<string>;
  /** Signals the master alone; connections live on. */
  kill(signal: Deno.Signal): void;
  /**
   * Signals the processes of the connections, neither the master nor users'
   * commands.
   *
   * @returns how many there were.
   */
  killSessions(signal: Deno.Signal): number;
}

/**
 * The arguments with which `ssh` logs in to it with the key, asks nothing and
 * reads no configuration of this machine. More options may follow, then a command.
 */
export function sshArguments(server: SshServer): string[] {
  return [
    ...["-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"],
    ...["-o", `UserKnownHostsFile=${server.knownHostsFile}`],
    ...["-o", "StrictHostKeyChecking=yes", "-i", server.keyFile],
    ...["-p", String(server.port), `${server.user}@${server.hostname}`],
  ];
}

/** A block of ssh_config that leads to it, and that options may follow. */
export function hostBlock(name: string, server: SshServer): string {
  return [
    `Host ${name}`,
    `  HostName ${server.hostname}`,
    `  Port ${server.port}`,
    `  User ${server.user}`,
    `  IdentityFile ${server.keyFile}`,
    `  UserKnownHostsFile ${server.knownHostsFile}`,
    "",
  ].join("\n");
}
