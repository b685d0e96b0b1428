import { callBack } from "../../call_back.ts";
import { checkKinds, type Kinds } from "../../check_kinds.ts";
import { ArgumentError } from "../../errors.ts";
import { posix } from "node:path";
import type { ReverseTunnel } from "../../forward/tunnel/tunnel.ts";
import { type Logger, silentLogger } from "../../logger.ts";
import { printable } from "../../text/printable.ts";
import { Turns } from "../../turns.ts";
import { X2GoError } from "../errors.ts";
import type { FolderServer, MountedFolder } from "../folders/folder_server.ts";
import { JobQueue } from "./job_queue.ts";
import type { Job, JobHandler } from "./jobs.ts";
import type { FolderKind } from "../folders/mounting.ts";
import { type SessionAccess, SessionShare } from "../session/session_share.ts";

/** Options of {@linkcode X2GoSession.sharePrinter} and {@linkcode X2GoSession.shareMimeBox}. */
export interface SpoolOptions {
  /** Called with the reason why a job could not be handled; its `cause` is what the handler threw. */
  onProblem?: (problem: X2GoError) => void;
  /** Ends the wait until it is shared; it is stopped then. Has no effect later. */
  signal?: AbortSignal;
  /** Logger; silent by default. */
  logger?: Logger;
}

const spoolKinds: Kinds<SpoolOptions> = {
  onProblem: "function",
  signal: "signal",
  logger: "logger",
};

/** Jobs that may wait; further ones are not handled. */
const MAX_WAITING = 10_000;

/**
 * A folder of this side that the server puts jobs into.
 *
 * The folder is a new one among this machine's temporary files that only its
 * user can read. Before the handler gets a job, it is moved out of the folder,
 * where the server has no path to it.
 */
export abstract class SpoolShare extends SessionShare {
  readonly #server: FolderServer;
  readonly #kind: FolderKind;
  readonly #queue: JobQueue;
  readonly #options: SpoolOptions;
  readonly #logger: Logger;
  /** Paths of files that have arrived and were not looked at yet. */
  readonly #arrived = new Set<string>();
  readonly #turns = new Turns();
  #session: string | undefined;
  #directory: string | undefined;
  #jobs = 0;
  #mounted: MountedFolder | undefined;

  /**
   * Not open yet; the session does the rest.
   *
   * @param server What mounts the session's folders.
   * @param kind What it is for.
   * @param handler What is done with each job.
   * @param options Receives problems.
   *
   * @ignore
   */
  constructor(
    server: FolderServer,
    kind: FolderKind,
    handler: JobHandler,
    options: SpoolOptions,
  ) {
    super();
    checkKinds(options, spoolKinds);
    if (typeof handler !== "function") {
      throw new ArgumentError("handler", "use a function");
    }
    this.#server = server;
    this.#kind = kind;
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#queue = new JobQueue(
      handler,
      ({ title }, error) => this.#report(title, error),
    );
  }

  /** Where it is mounted on the server; undefined while the session is suspended. */
  get mountPoint(): string | undefined {
    return this.#mounted?.mountPoint;
  }

  /** The tunnel that leads to it, maybe to others too; undefined while the session is suspended. */
  get tunnel(): ReverseTunnel | undefined {
    return this.#mounted?.tunnel;
  }

  /** Jobs whose handler failed. They are kept, and tried again before the next that arrives and at a resume. */
  get failed(): readonly Job[] {
    return this.#queue.failed;
  }

  /**
   * Whether a job is complete when a file of that name is.
   *
   * @ignore
   */
  protected abstract completes(name: string): boolean;

  /**
   * Moves the files of a job out of the spool.
   *
   * @param path The file that completes it.
   * @param directory Where to move them.
   * @returns the job; undefined if they are not a job.
   *
   * @ignore
   */
  protected abstract collect(
    path: string,
    directory: string,
  ): Promise<Job | undefined>;

  /**
   * Mounts it on the server.
   *
   * @ignore
   */
  protected override async open(access: SessionAccess): Promise<void> {
    this.#session = access.session.name;
    const directory = this.#directory ??= await makeDirectory();
    this.#mounted = await this.#server.mount(
      access,
      {
        path: posix.join(directory, SPOOL),
        kind: this.#kind,
        onArrival: (path) => this.#onArrival(path),
      },
      this.#logger,
    );
    this.#queue.retry();
  }

  /**
   * Unmounts it on the server. Jobs that have arrived are handled.
   *
   * @ignore
   */
  protected override async close(): Promise<void> {
    await this.#mounted?.unmount();
    this.#mounted = undefined;
  }

  /**
   * Ends it for good, once all jobs that have arrived were handled: so a handler
   * must not wait for this, nor for the end of its session. Jobs whose handler
   * failed are removed. Idempotent.
   */
  override async stop(): Promise<void> {
    await super.stop();
    await this.#turns.take(async () => {
      await this.#queue.idle();
      const directory = this.#directory;
      this.#directory = undefined;
      if (directory) await Deno.remove(directory, { recursive: true });
    });
  }

  #onArrival(path: string): void {
    const name = posix.basename(path);
    const directory = this.#directory;
    if (
      !directory || path !== posix.join(directory, SPOOL, name) ||
      !this.completes(name) || this.#arrived.has(path)
    ) return;
    if (this.#arrived.size + this.#queue.size >= MAX_WAITING) {
      return this.#report(name, new Error(`${MAX_WAITING} others wait`));
    }
    this.#arrived.add(path);
    this.#turns.take(() => this.#take(path, directory));
  }

  async #take(path: string, parent: string): Promise<void> {
    this.#arrived.delete(path);
    const directory = posix.join(parent, String(++this.#jobs));
    try {
      await Deno.mkdir(directory);
      const job = await this.collect(path, directory);
      if (job) return this.#queue.add({ ...job, directory });
    } catch (error) {
      this.#report(posix.basename(path), error);
    }
    await Deno.remove(directory, { recursive: true })
      .catch((error) => this.#logger.warn(`${directory} stays`, error));
  }

  #report(what: string, cause: unknown): void {
    const why = cause instanceof Error ? cause.message : String(cause);
    const problem = new X2GoError(
      "x2go-share",
      `${JSON.stringify(printable(what))} from the session was not handled: ${
        printable(why)
      }`,
      this.#session,
      { cause },
    );
    this.#logger.warn(problem.message);
    callBack(
      "onProblem",
      this.#logger,
      () => this.#options.onProblem?.(problem),
    );
  }
}

const SPOOL = "spool";

/** A directory that only its owner can read, with the spool in it. */
async function makeDirectory(): Promise<string> {
  const made = await Deno.makeTempDir({ prefix: "rforward-" });
  const directory = await Deno.realPath(made);
  await Deno.mkdir(posix.join(directory, SPOOL), { mode: 0o700 });
  return directory;
}

/** A name from the server without control and invisible characters. */
export function tame(name: string): string {
  return name.replace(/\p{C}/gu, "_");
}

/**
 * Moves a file out of the spool.
 *
 * @throws {Error} if it is not a regular file: a link could lead anywhere.
 */
export async function takeFile(from: string, to: string): Promise<void> {
  await Deno.rename(from, to);
  if (!(await Deno.lstat(to)).isFile) {
    throw new Error("it is not a regular file");
  }
  await Deno.chmod(to, 0o600);
}
