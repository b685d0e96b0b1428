import { join } from "node:path";
import { startSshd } from "./openssh.ts";
import { run } from "./run.ts";
import type { SshServer } from "./ssh_server.ts";
import { endProcessesOf } from "./user_processes.ts";

/** A real X2Go server on loopback, with a user of its own. */
export interface X2GoServer extends SshServer {
  /** The user's home directory. */
  readonly home: string;
  /**
   * Runs a shell command as the user, where the user's sessions run: with the
   * server's mounts, and without a display.
   *
   * @returns what it printed on standard output.
   * @throws {Error} with what it printed on standard error if it fails.
   */
  run(command: string): Promise<string>;
  /** Waits until a session's agent reports a state: `RUNNING`, `SUSPENDED`, `TERMINATED`. */
  untilState(session: string, state: string): Promise<void>;
  /** The arguments that run what follows them as root, with the server's mounts. */
  readonly asRoot: string[];
}

const AGENT =
  "x2gostartagent 800x600 lan 16m-jpeg-9 unix-kde-depth_24 null null/null 0 R xterm both";

/**
 * The command that starts a session, as other clients give it. Two servers of
 * two tests may be given the same display at once; the one whose agent ends
 * over that (exit status 12) takes another one.
 */
export const START_SESSION =
  `${AGENT} || { [ $? -eq 12 ] && sleep 1 && ${AGENT}; }`;

/**
 * Starts an X2Go server of its own: an sshd whose user finds x2goserver's
 * commands. Root only, because it adds a user and mounts things.
 *
 * It lives in a mount namespace of its own, so no mount leaks out and the
 * machine's files stay as they are.
 */
export async function startX2GoServer(): Promise<X2GoServer> {
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "rforward-x2go-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));

  const sshd = stack.use(
    await startSshd({
      passwordUser: true,
      config: ["Subsystem sftp internal-sftp"],
      through: await namespace(dir),
    }),
  );
  const { user } = sshd;
  const uid = Number(await run("id", ["-u", user]));
  const home = (await run("getent", ["passwd", user])).split(":")[5] ?? "";
  stack.defer(() => forget(user, uid));
  stack.defer(() => endProcessesOf(uid));

  await run("usermod", ["--shell", "/bin/bash", user]);
  // What many a real one does: clients have to find the answers in it.
  await Deno.writeTextFile(
    join(home, ".bashrc"),
    "echo 'noise from .bashrc'\necho 'and more of it' >&2\n",
  );
  if (!await exists("/var/lib/x2go/x2go_sessions")) {
    await run("x2godbadmin", ["--createdb"]);
  }

  const asRoot = ["nsenter", "-t", String(sshd.pid), "-m"];
  const asUser = [
    ...asRoot,
    ...["setpriv", "--reuid", user, "--regid", user, "--init-groups"],
    ...["env", "-i", "-C", home, `HOME=${home}`, `USER=${user}`],
    ...[`LOGNAME=${user}`, "PATH=/usr/local/bin:/usr/bin:/bin"],
    ...[`SSH_CLIENT=127.0.0.1 22 ${sshd.port}`, "sh", "-c"],
  ];
  const resources = stack.move();
  return {
    ...sshd,
    home,
    asRoot,
    run: (command) => run(asUser[0]!, [...asUser.slice(1), command]),
    untilState: (session, state) =>
      until(`/tmp/.x2go-${user}/C-${session}/state`, state),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** What gives a program mounts of its own, with four files replaced. */
async function namespace(dir: string): Promise<string[]> {
  const mounts: string[] = [];
  // Where udev does not run, only root may use the machine's.
  const fuse = join(dir, "fuse");
  await run("mknod", ["-m", "666", fuse, "c", "10", "229"]);
  mounts.push(`mount --bind ${fuse} /dev/fuse`);
  // The default line has `.setpdfwrite`, which Ghostscript 10 no longer knows:
  // every job would fail. A blank after "=" would be part of the program's name.
  if (await exists("/etc/cups/cups-x2go.conf")) {
    const config = join(dir, "cups-x2go.conf");
    await Deno.writeTextFile(
      config,
      "ps2pdf=/usr/bin/gs -q -dCompatibilityLevel=1.4 -dNOPAUSE -dBATCH -dSAFER -sDEVICE=pdfwrite -sOutputFile=- -f %s\n",
    );
    mounts.push(`mount --bind ${config} /etc/cups/cups-x2go.conf`);
  }
  // X2Go's own are those of one second, and among the kernel's for outgoing
  // connections: with many tests at once, one of them is in use now and then.
  const ports = join(dir, "ports");
  await Deno.writeTextFile(
    ports,
    "#!/bin/bash\necho $((10000 + SRANDOM % 20000))\n",
    { mode: 0o755 },
  );
  mounts.push(`mount --bind ${ports} /usr/lib/x2go/x2gogetrandomport`);
  // Every script starts a Perl for each line of its log, which takes a sixth of a session's processor time.
  mounts.push("mount --bind /bin/true /usr/lib/x2go/x2gosyslog");
  return [
    ...["unshare", "--mount", "--propagation", "private", "sh", "-ec"],
    `${mounts.join("\n")}\nexec "$@"`,
    "sh",
  ];
}

/** Waits until a file holds a text: nxagent replaces the file of its state each time. */
async function until(file: string, text: string): Promise<void> {
  let found = "";
  for (const end = performance.now() + 15_000; performance.now() < end;) {
    found = await Deno.readTextFile(file).catch(() => "");
    if (found === text) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${file} has "${found}", not "${text}"`);
}

/** Removes what X2Go keeps of a user outside the home directory. */
async function forget(user: string, uid: number): Promise<void> {
  // The database is the machine's: that is what keeps X2Go's ports and
  // displays apart, also those of other fixtures that run now.
  await run("perl", [
    "-MDBI",
    "-e",
    `my $db = DBI->connect("dbi:SQLite:dbname=/var/lib/x2go/x2go_sessions", "", "", { RaiseError => 1 });
     $db->sqlite_busy_timeout(10000);
     my $sessions = "select session_id from sessions where uname = ?";
     $db->do("delete from mounts where session_id in ($sessions)", undef, $ARGV[0]);
     $db->do("delete from used_ports where session_id in ($sessions)", undef, $ARGV[0]);
     $db->do("delete from sessions where uname = ?", undef, $ARGV[0]);`,
    user,
  ]);
  await run("rm", ["-rf", "--one-file-system", `/tmp/.x2go-${user}`]);
  // What an agent that was killed leaves keeps others from its display.
  await run("find", [
    ...["/tmp", "/tmp/.X11-unix", "-maxdepth", "1", "-user", `${uid}`],
    ...["-regex", ".*/\\.?X[0-9]+\\(-lock\\)?", "-delete"],
  ]).catch(() => {}); // no X server was ever here
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}
