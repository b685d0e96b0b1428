import { join } from "node:path";

/** What {@linkcode ServerProcess.start} runs. */
export interface ServerProcessOptions {
  /** The program, as an absolute path: sshd insists on it. */
  program: string;
  /** Its arguments. It must stay in the foreground and log to standard error. */
  args: string[];
  /** A directory of the server's own, for its log. */
  directory: string;
  /** The file it writes once it listens; it must not exist yet. */
  pidFile: string;
}

/** A process as `/proc` knows it: a pid alone may name another one by now. */
interface Identity {
  pid: number;
  parent: number;
  name: string;
  startTime: string;
}

/**
 * A server program that forks one process a connection, as sshd and dropbear
 * do. Disposing it kills it with all its descendants.
 */
export class ServerProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #logFile: string;
  /** Sessions of a master that was killed: init's children now. */
  #orphans: Identity[] = [];
  #ended: Promise<void> | undefined;

  private constructor(child: Deno.ChildProcess, logFile: string) {
    this.#child = child;
    this.#logFile = logFile;
  }

  /**
   * Starts it and waits until it listens.
   *
   * @throws {Error} with its log if it ends before that.
   */
  static async start(options: ServerProcessOptions): Promise<ServerProcess> {
    const { program, args, directory, pidFile } = options;
    const logFile = join(directory, "log");
    using watcher = Deno.watchFs(directory, { recursive: false });
    // The log goes to a file, not a pipe: reading a pipe would be an operation
    // that crosses tests, and a full one would stop the server.
    const child = new Deno.Command("/bin/sh", {
      args: ["-c", 'exec "$@" 2>"$0"', logFile, program, ...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const listening = (async () => {
      for await (const _ of watcher) if (exists(pidFile)) return true;
      return false;
    })();
    if (!await Promise.race([listening, child.status.then(() => false)])) {
      throw new Error(
        `${program} did not start: ${await Deno.readTextFile(logFile)}`,
      );
    }
    return new ServerProcess(child, logFile);
  }

  /** The master's process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** How the master ended. */
  get status(): Promise<Deno.CommandStatus> {
    return this.#child.status;
  }

  /** What the server has logged so far. */
  log(): Promise<string> {
    return Deno.readTextFile(this.#logFile);
  }

  /** Signals the master alone; its sessions live on. */
  kill(signal: Deno.Signal): void {
    this.#orphans.push(...this.#descendants());
    signalProcess(this.pid, signal);
  }

  /**
   * Signals the server's own process of every connection, and not the
   * commands that users run in them.
   *
   * @returns how many processes there were.
   */
  killSessions(signal: Deno.Signal): number {
    const master = processes().find(({ pid }) => pid === this.pid);
    const sessions = this.#descendants().filter(({ name }) =>
      // From 9.8 on, OpenSSH calls them sshd-session and sshd-auth.
      name.startsWith(master?.name ?? "sshd")
    );
    for (const { pid } of sessions) signalProcess(pid, signal);
    return sessions.length;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ended ??= this.#end();
  }

  async #end(): Promise<void> {
    // A stopped master forks no more: what is listed now is all there is.
    signalProcess(this.pid, "SIGSTOP");
    const all = this.#descendants();
    signalProcess(this.pid, "SIGKILL");
    for (const { pid } of all) signalProcess(pid, "SIGKILL");
    await this.#child.status;
  }

  #descendants(): Identity[] {
    const running = processes();
    const found = running.filter(({ pid, startTime }) =>
      this.#orphans.some((orphan) =>
        orphan.pid === pid && orphan.startTime === startTime
      )
    );
    const parents = new Set([this.pid, ...found.map(({ pid }) => pid)]);
    // Once around a tree of any order: until a round adds nothing.
    for (let before = -1; before !== found.length;) {
      before = found.length;
      for (const process of running) {
        if (!parents.has(process.parent) || parents.has(process.pid)) continue;
        parents.add(process.pid);
        found.push(process);
      }
    }
    return found;
  }
}

function processes(): Identity[] {
  const found: Identity[] = [];
  for (const { name: pid } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      // proc(5): pid (name) state ppid … starttime is field 22; a name may hold anything.
      const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
      const nameEnd = stat.lastIndexOf(")");
      const fields = stat.slice(nameEnd + 2).split(" ");
      if (fields[0] === "Z") continue; // ended, only not yet waited for
      found.push({
        pid: Number(pid),
        parent: Number(fields[1]),
        name: stat.slice(stat.indexOf("(") + 1, nameEnd),
        startTime: fields[19] ?? "",
      });
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

function signalProcess(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    // Gone already, which is as good as killed.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
