import { orAborted } from "../../abort.ts";
import type { SshConnection } from "../../ssh/connection.ts";
import { Turns } from "../../turns.ts";
import { X2GoError } from "../errors.ts";
import { FolderServer } from "../folders/folder_server.ts";
import { type FolderOptions, FolderShare } from "../folders/folder_share.ts";
import type { JobHandler } from "../jobs/jobs.ts";
import { MimeBoxShare } from "../jobs/mime_box_share.ts";
import { listMounts } from "../folders/mounting.ts";
import { PrinterShare } from "../jobs/printer_share.ts";
import {
  type DisplayOptions,
  parseStarted,
  programScript,
  type StartOptions,
  startScript,
} from "../server/protocol.ts";
import {
  listSessions,
  LONG_TIMEOUT_MS,
  NO_DISPLAY,
  RemoteSession,
} from "../server/remote_session.ts";
import { runScript, type WaitOptions } from "../server/run_script.ts";
import {
  isReady,
  type SessionInfo,
  type SessionState,
} from "../server/session_info.ts";
import type { SessionAccess, SessionShare } from "./session_share.ts";
import { Shares } from "./shares.ts";
import { type SoundOptions, SoundShare } from "../sound/sound_share.ts";
import type { SpoolOptions } from "../jobs/spool.ts";

/**
 * A session on an X2Go server, and what of this side is shared with it.
 *
 * Several sessions can share one SSH connection. Showing a session is left to
 * others: a display (nxproxy) connects to `info.graphicsPort` there. Until the
 * first one has, the session is `starting`; sound, folders and printing work
 * already. x2goserver ends a session to which no display connects within 60 s
 * of its start.
 *
 * @example Sound for a session, also after it was suspended and resumed
 * ```ts ignore
 * import { connect } from "@x2go/rforward";
 * import { X2GoSession } from "@x2go/rforward/x2go";
 *
 * await using connection = await connect({
 *   hostname: "x2go.example",
 *   user: "alice",
 *   agent: true,
 * });
 * await using session = await X2GoSession.start(connection, { command: "xterm" });
 * await session.shareSound();
 * await session.run("xterm");
 * // … a display shows it, for a while
 * await session.suspend();
 * await session.resume(); // and sound is back
 * ```
 */
export class X2GoSession implements AsyncDisposable {
  #remote: RemoteSession;
  #info: SessionInfo;
  readonly #shares = new Shares();
  readonly #folders = new FolderServer();
  /** Whether the session was only seen in the state `starting` so far. */
  #hadNoDisplay: boolean;
  /** What changes the session or its shares takes turns. */
  readonly #turns = new Turns();

  private constructor(remote: RemoteSession, info: SessionInfo) {
    this.#remote = remote;
    this.#info = info;
    this.#hadNoDisplay = info.state === "starting";
  }

  /**
   * The user's sessions on the server that are not finished.
   *
   * @param connection A connection as that user.
   * @param options `timeoutMs`: 30000 by default.
   * @throws {X2GoError} if they cannot be listed.
   */
  static list(
    connection: SshConnection,
    options: WaitOptions = {},
  ): Promise<SessionInfo[]> {
    return listSessions(connection, options);
  }

  /**
   * Starts a session. It waits for a display, and for {@linkcode run}; without
   * a display x2goserver ends it after 60 s.
   *
   * @param connection A connection as the user whose session it is to be.
   * @param options What it is for. `timeoutMs`: 60000 by default.
   * @throws {X2GoError} if it cannot be started.
   */
  static async start(
    connection: SshConnection,
    options: StartOptions & WaitOptions,
  ): Promise<X2GoSession> {
    const wait = { timeoutMs: LONG_TIMEOUT_MS, ...options };
    const script = startScript(options, wait.timeoutMs);
    const { stdout } = await runScript(connection, script, wait);
    return await X2GoSession.attach(connection, parseStarted(stdout), wait);
  }

  /**
   * Attaches to an existing session, whoever started it. Nothing changes for
   * the session.
   *
   * @param connection A connection as the user whose session it is.
   * @param name The session's name.
   * @param options `timeoutMs`: 30000 by default.
   * @throws {X2GoError} `x2go-state` if it does not exist.
   */
  static async attach(
    connection: SshConnection,
    name: string,
    options: WaitOptions = {},
  ): Promise<X2GoSession> {
    const remote = new RemoteSession(connection, name);
    const info = await remote.find(options);
    if (info) return new X2GoSession(remote, info);
    throw new X2GoError(
      "x2go-state",
      `there is no session ${name} on ${connection.server.hostname}; it may have finished`,
      name,
    );
  }

  /** The connection to the server. */
  get connection(): SshConnection {
    return this.#remote.connection;
  }

  /** The session as it was when it was last changed or looked at here. */
  get info(): SessionInfo {
    return this.#info;
  }

  /** What is shared with it now. */
  get shares(): ReadonlySet<SessionShare> {
    return this.#shares;
  }

  /**
   * What a program needs in its environment to belong to the session:
   * `DISPLAY`, `X2GO_SESSION`, and the variables of the shares.
   */
  get environment(): Record<string, string> {
    const { name, display } = this.#info;
    return {
      DISPLAY: `:${display}`,
      X2GO_SESSION: name,
      ...this.#shares.environment,
    };
  }

  /**
   * Asks the server for the session's state. If it was suspended, finished or
   * resumed elsewhere since, what is shared with it pauses or stops: its ports
   * may belong to another client now.
   *
   * @param options `timeoutMs`: 30000 by default.
   * @returns the session's current state.
   * @throws {X2GoError} if the server does not answer.
   */
  refresh(options: WaitOptions = {}): Promise<SessionInfo> {
    return this.#turns.take(async () => {
      await this.#look(options);
      return this.#info;
    });
  }

  /**
   * Suspends the session: its programs continue, and its display and all that is
   * shared with it are gone until {@linkcode resume}.
   *
   * @param options `timeoutMs`: how long each step may take; 30000 by default.
   * @throws {X2GoError} `x2go-state` if it is finished, or no display has
   * connected to it yet: x2gosuspend-session would end such a session.
   */
  suspend(options: WaitOptions = {}): Promise<void> {
    return this.#turns.take(async () => {
      await this.#remote.suspend(options, false);
      await this.#shares.pause();
      await this.#update(options);
    });
  }

  /**
   * Resumes the session, or takes it over from where it runs now. Its ports
   * may be others afterwards; what is shared with it follows.
   *
   * @param options How it is shown. `timeoutMs`: how long each step may take;
   * 60000 by default.
   * @returns the session's current state, `resuming` until a display connects.
   * @throws {X2GoError} `x2go-state` if it is finished, or no display has
   * connected to it yet (one that is connecting has 10 s): x2goresume-session
   * would end such a session; `x2go-timeout` if a step took too long;
   * `x2go-share` if it was resumed but something shared with it was not.
   */
  resume(options: DisplayOptions & WaitOptions = {}): Promise<SessionInfo> {
    const wait = { timeoutMs: LONG_TIMEOUT_MS, ...options };
    return this.#turns.take(async () => {
      // x2goresume-session would end a session that is starting, and then wait
      // for it for ever; one that runs it would suspend too, but slowly.
      await this.#remote.suspend(wait, true);
      // It gives the session other ports in place of those that are taken.
      await this.#shares.pause();
      const ports = await this.#remote.resume(wait);
      await this.#update(wait);
      this.#info = { ...this.#info, ...ports };
      await this.#resumeShares();
      return this.#info;
    });
  }

  /**
   * Continues over another connection, because the one before was lost. What is
   * shared with the session comes back with it, or, if the session was
   * suspended by the loss, when it is resumed. A second call with the same
   * connection brings back what did not come at the first, and leaves alone
   * what did.
   *
   * @param connection A connection as the same user to the same server.
   * @param options `timeoutMs`: 30000 by default.
   * @returns the session's current state.
   * @throws {X2GoError} `x2go-share` if something shared with it did not come
   * back, e.g. because another client shares its sound by now. That the server
   * may not have noticed the loss yet and hold the session's ports is no
   * obstacle: what is shared moves to other ports.
   */
  moveTo(
    connection: SshConnection,
    options: WaitOptions = {},
  ): Promise<SessionInfo> {
    return this.#turns.take(async () => {
      if (connection !== this.connection) {
        await this.#shares.pause();
        this.#remote = new RemoteSession(connection, this.#info.name);
      }
      await this.#look(options);
      if (isOpen(this.#info.state)) await this.#resumeShares();
      return this.#info;
    });
  }

  /**
   * Ends the session, its programs and all that is shared with it.
   *
   * @param options `timeoutMs`: how long each step may take; 30000 by default.
   * @throws {X2GoError} if it is still there then.
   */
  terminate(options: WaitOptions = {}): Promise<void> {
    return this.#turns.take(async () => {
      await this.#remote.terminate(options);
      this.#hadNoDisplay = false;
      await this.#shares.stop();
      await this.#update(options);
      const { name, state } = this.#info;
      if (state === "finished") return;
      throw new X2GoError(
        "x2go-refused",
        `the session ${name} was to end and is ${state}`,
        name,
      );
    });
  }

  /**
   * Runs the program that the session is for; the session ends with it. It
   * finds what is shared with the session by then. Does not wait for its end,
   * nor report whether it could be started: `~/.x2go/C-NAME/cmdoutput` there does.
   *
   * @param command The program and its arguments, split at blanks; no quotes.
   * @param options `timeoutMs`: 30000 by default.
   */
  run(command: string, options: WaitOptions = {}): Promise<void> {
    return this.#turns.take(async () => {
      const { connection, session } = this.#access();
      const script = programScript(session, command, this.environment);
      await runScript(connection, script, options);
    });
  }

  /**
   * Lets the session's programs play and record sound here. They find it by
   * {@linkcode environment}; programs started by {@linkcode run} have it.
   * Other users of the server cannot: programs have to present a cookie that is
   * made for the session, and that only its user can read there.
   *
   * @param options Which sound server here; found automatically by default.
   * @throws {X2GoError} if the session is suspended, or shares its sound
   * already, or its files cannot be written.
   * @throws {ForwardDeniedError} if the session's sound port is taken, e.g. by
   * another client, whose sound continues.
   */
  shareSound(options: SoundOptions = {}): Promise<SoundShare> {
    return this.#share(() => {
      this.#assertNoSound();
      return new SoundShare(options);
    }, options.signal);
  }

  /**
   * Mounts a folder of this side for the session's programs. Nothing else of
   * this side can be reached through it, and no port is opened here. Symbolic
   * links that lead out of it cannot be followed. Files whose names are not UTF-8
   * are not served, because Deno cannot open them.
   *
   * @param path The folder's absolute path.
   * @param options Whether it may be changed, and who serves it.
   * @returns the share; its `mountPoint` is where the folder is on the server.
   * @throws {ArgumentError} if there is no such folder, or it is shared already.
   * @throws {X2GoError} `x2go-share` with the server's words if it is not mounted.
   * @throws {ForwardDeniedError} if the server will not listen for us.
   */
  shareFolder(path: string, options: FolderOptions = {}): Promise<FolderShare> {
    return this.#share(
      () => new FolderShare(this.#folders, path, options),
      options.signal,
    );
  }

  /**
   * Handles on this side what the session prints. The server needs
   * x2goserver-printing and a CUPS queue with the URI `cups-x2go:/`.
   *
   * @param handler What is done with each job, one after the other:
   * {@linkcode saveJobs}, {@linkcode runCommand} or a function of yours.
   * @param options Receives problems.
   * @throws {X2GoError} `x2go-share` with the server's words if the spool is not mounted.
   * @throws {ForwardDeniedError} if the server will not listen for us.
   *
   * @example
   * ```ts ignore
   * import type { X2GoSession } from "@x2go/rforward/x2go";
   *
   * declare const session: X2GoSession;
   * await session.sharePrinter(({ title, file }) => console.log(title, file));
   * ```
   */
  sharePrinter(
    handler: JobHandler,
    options: SpoolOptions = {},
  ): Promise<PrinterShare> {
    return this.#share(
      () => new PrinterShare(this.#folders, handler, options),
      options.signal,
    );
  }

  /**
   * Handles on this side, e.g. opens, the files that the session's programs put
   * into X2Go's MIME box.
   *
   * @param handler What is done with each file, one after the other.
   * @param options Receives problems.
   * @throws {X2GoError} `x2go-share` with the server's words if it is not mounted.
   * @throws {ForwardDeniedError} if the server will not listen for us.
   */
  shareMimeBox(
    handler: JobHandler,
    options: SpoolOptions = {},
  ): Promise<MimeBoxShare> {
    return this.#share(
      () => new MimeBoxShare(this.#folders, handler, options),
      options.signal,
    );
  }

  /**
   * Where folders and spools of this side are mounted on the server, as it has
   * them in its list.
   *
   * @param options `timeoutMs`: 30000 by default.
   * @throws {X2GoError} if the server does not answer.
   */
  listMounts(options: WaitOptions = {}): Promise<string[]> {
    return listMounts(this.connection, this.#info.name, options);
  }

  /** Stops what is shared. The session itself continues. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turns.take(() => this.#shares.stop());
  }

  async #share<S extends SessionShare>(
    make: () => S,
    signal: AbortSignal | undefined,
  ): Promise<S> {
    const shared = this.#turns.take(async () => {
      signal?.throwIfAborted();
      return await this.#shares.begin(make(), this.#access(), signal);
    });
    return await (signal ? orAborted(shared, signal) : shared);
  }

  #assertNoSound(): void {
    const { name } = this.#info;
    if (!this.#shares.values().some((share) => share instanceof SoundShare)) {
      return;
    }
    throw new X2GoError(
      "x2go-share",
      `the session ${name} shares its sound already; stop that share first`,
      name,
    );
  }

  #access(): SessionAccess {
    const session = this.#info;
    const { name, state } = session;
    if (isReady(session) && isOpen(state)) {
      return { connection: this.connection, session };
    }
    throw new X2GoError(
      "x2go-state",
      `the session ${name} is ${state}; nothing can be run in it or shared with it now${
        state === "finished" && this.#hadNoDisplay ? ` (${NO_DISPLAY})` : ""
      }`,
      name,
    );
  }

  /** Checks the session's state, and releases ports that are no longer its own. */
  async #look(options: WaitOptions): Promise<void> {
    const { soundPort, foldersPort } = this.#info;
    await this.#update(options);
    const moved = this.#info.soundPort !== soundPort ||
      this.#info.foldersPort !== foldersPort;
    if (this.#info.state === "finished") await this.#shares.stop();
    else if (moved || !isOpen(this.#info.state)) await this.#shares.pause();
  }

  async #update(options: WaitOptions): Promise<void> {
    const found = await this.#remote.find(options);
    this.#hadNoDisplay &&= !found || found.state === "starting" ||
      found.state === "finished";
    this.#info = found ?? { ...this.#info, state: "finished" };
  }

  async #resumeShares(): Promise<void> {
    const { name } = this.#info;
    try {
      await this.#shares.resume(this.#access());
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new X2GoError(
        "x2go-share",
        `the session ${name} continues, but not everything shared with it: ${why}`,
        name,
        { cause },
      );
    }
  }
}

/** Whether a session's ports are its own in this state. */
function isOpen(state: SessionState): boolean {
  return state === "starting" || state === "running" || state === "resuming";
}
