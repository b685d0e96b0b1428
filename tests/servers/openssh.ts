import { userInfo } from "node:os";
import { join } from "node:path";
import { findProgram } from "./availability.ts";
import { withFreePort } from "./free_port.ts";
import { run } from "./run.ts";
import { ServerProcess } from "./server_process.ts";
import type { SshServer } from "./ssh_server.ts";
import { createTemporaryUser } from "./temporary_user.ts";
import { writeKnownHosts } from "./write_known_hosts.ts";

/** Options of {@linkcode startSshd}. */
export interface SshdOptions {
  /** Lines of sshd_config, e.g. `"GatewayPorts clientspecified"`; they win over the fixture's own. */
  config?: string[];
  /** Further lines of authorized_keys, beside the one of {@linkcode Sshd.keyFile}. */
  authorizedKeys?: string[];
  /**
   * Adds a system user with a password for the time of the fixture, and lets
   * it log in with either; root only. Without it the user is who runs the
   * tests, with the key alone.
   */
  passwordUser?: boolean;
  /** A program and its arguments that start sshd; it has to `exec` the arguments that follow. */
  through?: string[];
  /** The sshd to start; the system's own by default. */
  program?: string;
}

/** A real sshd on loopback. */
export interface Sshd extends SshServer {
  /** The sshd_config it runs with. */
  config(): Promise<string>;
  /** Kills it with all its sessions. */
  stop(): Promise<void>;
  /** Starts it again after {@linkcode stop}, on the same port with the same keys. */
  start(): Promise<void>;
}

/** Starts an sshd of its own; it listens when the promise is fulfilled. */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "rforward-sshd-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));
  const temporary = options.passwordUser
    ? stack.use(await createTemporaryUser())
    : undefined;

  const hostKey = join(dir, "host_key");
  const keyFile = join(dir, "client_key");
  for (const file of [hostKey, keyFile]) {
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
  }

  // sshd reads authorized_keys as the user, who cannot look into `dir`.
  const authorizedKeys = join(temporary?.home ?? dir, "authorized_keys");
  const keys = [
    (await Deno.readTextFile(`${keyFile}.pub`)).trim(),
    ...options.authorizedKeys ?? [],
  ].join("\n");
  await (temporary?.write ?? Deno.writeTextFile)(authorizedKeys, `${keys}\n`);

  const root = Deno.uid() === 0;
  // Where sshd confines its unprivileged part; a container has no boot script that makes it.
  if (root) await Deno.mkdir("/run/sshd", { recursive: true, mode: 0o755 });

  const configFile = join(dir, "sshd_config");
  const pidFile = join(dir, "pid");
  const [program = "", ...args] = [
    ...options.through ?? [],
    ...[options.program ?? findProgram("sshd") ?? "/usr/sbin/sshd"],
    ...["-D", "-e", "-f"],
    configFile,
  ];
  const start = () =>
    ServerProcess.start({ program, args, directory: dir, pidFile });
  const { started, port } = await withFreePort(async (port) => {
    await Deno.writeTextFile(
      configFile,
      [
        ...options.config ?? [], // first, because sshd takes a keyword's first value
        // Or else bash runs the ~/.bashrc of whoever runs the tests before each
        // command: pyenv in one takes a lock there, and every later command
        // waits a minute for it once a test has killed a session meanwhile.
        ...temporary ? [] : ["SetEnv SHLVL=1"],
        "ListenAddress 127.0.0.1",
        `Port ${port}`,
        `HostKey ${hostKey}`,
        `PidFile ${pidFile}`,
        `AuthorizedKeysFile ${authorizedKeys}`,
        "StrictModes no",
        "UsePAM no",
        "PermitRootLogin yes",
        `PasswordAuthentication ${temporary ? "yes" : "no"}`,
        "KbdInteractiveAuthentication no",
        "LoginGraceTime 30",
        "MaxStartups 1000",
        "MaxSessions 1000",
        "PrintMotd no",
        "PrintLastLog no",
        "UseDNS no",
        "LogLevel VERBOSE",
        "",
      ].join("\n"),
    );
    return { started: await start(), port };
  });
  let process = started;
  stack.defer(() => process[Symbol.asyncDispose]());

  const publicKey = await Deno.readTextFile(`${hostKey}.pub`);
  const known = await writeKnownHosts({ dir, port }, publicKey);

  const resources = stack.move();
  return {
    hostname: "127.0.0.1",
    port,
    user: temporary?.name ?? userInfo().username,
    password: temporary?.password,
    keyFile,
    ...known,
    dir,
    get pid() {
      return process.pid;
    },
    get status() {
      return process.status;
    },
    config: () => Deno.readTextFile(configFile),
    stop: () => process[Symbol.asyncDispose](),
    async start() {
      await Deno.remove(pidFile);
      process = await start();
    },
    log: () => process.log(),
    kill: (signal) => process.kill(signal),
    killSessions: (signal) => process.killSessions(signal),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
