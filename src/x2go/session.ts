import { Deadline } from "../deadline.ts";
import { delay } from "../delay.ts";
import type { SshConnection } from "../ssh/connection.ts";
import { X2GoError } from "./errors.ts";
import {
  type DisplayOptions,
  listScript,
  parseResumed,
  parseSessions,
  parseStarted,
  parseState,
  programScript,
  resumeScript,
  type StartOptions,
  startScript,
  stateScript,
  suspendScript,
  terminateScript,
  throwIfFailed,
} from "./protocol.ts";
import { runScript, type WaitOptions } from "./run_script.ts";
import {
  isReady,
  type SessionInfo,
  type SessionState,
} from "./session_info.ts";
import type { SessionAccess, SessionShare } from "./share.ts";
import { type SoundOptions, SoundShare } from "./sound.ts";

/**
 * A session on an X2Go server, and what of this side is shared with it.
 *
 * Several sessions can share one SSH connection. How the session is shown is
 * not this class's business: a display (nxproxy) connects to
 * `info.graphicsPort`, through {@linkcode SshConnection.openDirect} for
 * instance. Until the first one has, the session is `starting`; sound, folders
 * and printing work already.
 *
 * @example Sound for a session, also after it was suspended and resumed
 * ```ts ignore
 * import { connect } from "@x2go/rforward";
 * import { X2GoSession } from "@x2go/rforward/x2go";
 *
 * await using connection = await connect({ host: "x2go.example", user: "alice" });
 * await using session = await X2GoSession.start(connection, { command: "xterm" });
 * await session.shareSound();
 * await session.run("xterm");
 * // …
 * await session.suspend();
 * await session.resume();
 * ```
 */
export class X2GoSession implements AsyncDisposable {
  /** The connection to the server. */
  readonly connection: SshConnection;

  #info: SessionInfo;
  readonly #shares = new Set<SessionShare>();
  /** What changes the session or its shares takes turns. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(connection: SshConnection, info: SessionInfo) {
    this.connection = connection;
    this.#info = info;
  }

  /**
   * The user's sessions on the server that are not finished.
   *
   * @param connection A connection as that user.
   * @param options `timeoutMs`: 30000 by default.
   * @throws {X2GoError} if they cannot be listed.
   */
  static async list(
    connection: SshConnection,
    options: WaitOptions = {},
  ): Promise<SessionInfo[]> {
    const script = listScript(options.timeoutMs ?? TIMEOUT_MS);
    const { stdout } = await runScript(connection, script, options);
    return parseSessions(stdout);
  }

  /**
   * Starts a session. It waits for a display, and for {@linkcode run}.
   *
   * @param connection A connection as the user whose session it is to be.
   * @param options What it is for. `timeoutMs`: 60000 by default.
   * @throws {X2GoError} if it cannot be started.
   */
  static async start(
    connection: SshConnection,
    options: StartOptions & WaitOptions,
  ): Promise<X2GoSession> {
    const { timeoutMs = 2 * TIMEOUT_MS } = options;
    const script = startScript(options, timeoutMs);
    const wait = { ...options, timeoutMs };
    const { stdout } = await runScript(connection, script, wait);
    return await X2GoSession.attach(connection, parseStarted(stdout), options);
  }

  /**
   * Takes up a session that is there already, whoever started it. Nothing
   * changes for the session.
   *
   * @param connection A connection as the user whose session it is.
   * @param name The session's name.
   * @param options `timeoutMs`: 30000 by default.
   * @throws {X2GoError} `x2go-state` if there is no such session.
   */
  static async attach(
    connection: SshConnection,
    name: string,
    options: WaitOptions = {},
  ): Promise<X2GoSession> {
    const info = await find(connection, name, options);
    if (info) return new X2GoSession(connection, info);
    throw new X2GoError(
      "x2go-state",
      `there is no session ${name} on ${connection.server.host}; it may have finished`,
      name,
    );
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
   * `DISPLAY`, `X2GO_SESSION`, and what leads it to the shares.
   */
  get environment(): Record<string, string> {
    const { name, display } = this.#info;
    return Object.assign(
      { DISPLAY: `:${display}`, X2GO_SESSION: name },
      ...[...this.#shares].map((share) => share.environment),
    );
  }

  /**
   * Asks the server how the session is. If it was suspended, finished or
   * resumed elsewhere meanwhile, what is shared with it pauses or stops: its
   * ports may belong to another client now.
   *
   * @param options `timeoutMs`: 30000 by default.
   * @returns the session as it is now.
   * @throws {X2GoError} if the server does not answer.
   */
  refresh(options: WaitOptions = {}): Promise<SessionInfo> {
    return this.#inTurn(async () => {
      const before = this.#info;
      await this.#update(options);
      const { state, soundPort, foldersPort } = this.#info;
      if (state === "finished") {
        await this.#stopShares();
      } else if (
        !isShared(state) || before.soundPort !== soundPort ||
        before.foldersPort !== foldersPort
      ) {
        await this.#each((share) => share.pause());
      }
      return this.#info;
    });
  }

  /**
   * Suspends the session: its programs go on, and its display and all that is
   * shared with it are gone until {@linkcode resume}.
   *
   * @param options `timeoutMs`: how long each step may take; 30000 by default.
   * @throws {X2GoError} `x2go-state` if it is finished, or no display has
   * connected to it yet: x2gosuspend-session would end such a session.
   */
  suspend(options: WaitOptions = {}): Promise<void> {
    return this.#inTurn(async () => {
      await this.#suspend(options);
      await this.#each((share) => share.pause());
      await this.#update(options);
    });
  }

  /**
   * Resumes the session, or takes it over from where it runs now. Its ports
   * may be others afterwards; what is shared with it follows.
   *
   * @param options How it is shown. `timeoutMs`: how long each step may take;
   * 60000 by default.
   * @returns the session as it is now, `resuming` until a display connects.
   * @throws {X2GoError} `x2go-state` if it is finished; `x2go-timeout` if it is
   * not ready for it in time, e.g. because it waits for its first display;
   * `x2go-share` if it was resumed but something shared with it was not.
   */
  resume(options: DisplayOptions & WaitOptions = {}): Promise<SessionInfo> {
    const { name } = this.#info;
    const { timeoutMs = 2 * TIMEOUT_MS } = options;
    const wait = { ...options, timeoutMs };
    return this.#inTurn(async () => {
      // x2goresume-session would end a session that is starting, and then wait for it for ever.
      await this.#until((state) => state !== "starting", wait);
      await this.#suspend(wait);
      // Ports that are not free it would change.
      await this.#each((share) => share.pause());
      const script = resumeScript(name, options, timeoutMs);
      const { stdout, stderr } = await runScript(this.connection, script, wait);
      throwIfFailed(script, stderr);
      const ports = parseResumed(stdout);
      await this.#update(wait);
      this.#info = { ...this.#info, ...ports };
      await this.#resumeShares();
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
    const { name } = this.#info;
    return this.#inTurn(async () => {
      const script = terminateScript(name, options.timeoutMs ?? TIMEOUT_MS);
      await runScript(this.connection, script, options);
      await this.#stopShares();
      await this.#update(options);
      if (this.#info.state === "finished") return;
      throw new X2GoError(
        "x2go-refused",
        `the session ${name} was to end and is ${this.#info.state}`,
        name,
      );
    });
  }

  /**
   * Runs the program that the session is for; the session ends with it. It
   * finds what is shared with the session by then. Does not wait for its end,
   * nor tell whether it could be started: `~/.x2go/C-…/cmdoutput` there does.
   *
   * @param command The program and its arguments, split at blanks; no quotes.
   */
  run(command: string): Promise<void> {
    return this.#inTurn(async () => {
      const { session } = this.#access();
      const script = programScript(session, command, this.environment);
      await runScript(this.connection, script);
    });
  }

  /**
   * Lets the session's programs play and record sound here. They find it by
   * {@linkcode environment}, as {@linkcode run} does by itself.
   *
   * @param options Which sound server here; found by itself by default.
   * @throws {X2GoError} if the session is suspended, or its files cannot be written.
   * @throws {ForwardDeniedError} if the session's sound port is taken.
   */
  shareSound(options: SoundOptions = {}): Promise<SoundShare> {
    return this.#share(new SoundShare(options));
  }

  /** Stops what is shared. The session itself goes on. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inTurn(() => this.#stopShares());
  }

  async #share<S extends SessionShare>(share: S): Promise<S> {
    return await this.#inTurn(async () => {
      try {
        await share.resume(this.#access());
      } catch (error) {
        await share.stop();
        throw error;
      }
      this.#shares.add(share);
      share.stopped.then(() => this.#shares.delete(share));
      return share;
    });
  }

  #access(): SessionAccess {
    const session = this.#info;
    const { name, state } = session;
    if (isReady(session) && isShared(state)) {
      return { connection: this.connection, session };
    }
    throw new X2GoError(
      "x2go-state",
      `the session ${name} is ${state}; nothing can be shared with it now`,
      name,
    );
  }

  /** Leaves it suspended, or says why it cannot be. */
  async #suspend(options: WaitOptions): Promise<void> {
    const { name } = this.#info;
    const state = await this.#state(options);
    if (state === "starting" || state === "finished") {
      throw new X2GoError(
        "x2go-state",
        state === "finished"
          ? `the session ${name} is finished`
          : `the session ${name} cannot be suspended before a display has connected to it; terminate it, or connect one`,
        name,
      );
    }
    if (state === "running" || state === "resuming") {
      const script = suspendScript(name, options.timeoutMs ?? TIMEOUT_MS);
      const { stderr } = await runScript(this.connection, script, options);
      throwIfFailed(script, stderr);
    }
    await this.#until((state) => state === "suspended", options);
  }

  /** Waits for a state; fails at once if the session is finished. */
  async #until(
    wanted: (state: SessionState) => boolean,
    { timeoutMs = TIMEOUT_MS, signal }: WaitOptions,
  ): Promise<void> {
    const { name } = this.#info;
    let state: SessionState | undefined;
    using deadline = new Deadline(timeoutMs, signal);
    deadline.start(() =>
      new X2GoError(
        "x2go-timeout",
        `the session ${name} is ${state ?? "silent"} after ${timeoutMs} ms${
          state === "starting" ? ": no display has connected to it" : ""
        }`,
        name,
      )
    );
    for (;;) {
      state = await this.#state({ signal: deadline.signal });
      if (wanted(state)) return;
      if (state === "finished") {
        throw new X2GoError("x2go-state", `the session ${name} ended`, name);
      }
      await delay(POLL_MS, deadline.signal);
    }
  }

  async #state(options: WaitOptions): Promise<SessionState> {
    const script = stateScript(this.#info.name);
    const { stdout } = await runScript(this.connection, script, options);
    const state = parseState(stdout);
    if (state !== undefined) return state;
    await this.#update(options);
    return this.#info.state;
  }

  async #update(options: WaitOptions): Promise<void> {
    const found = await find(this.connection, this.#info.name, options);
    this.#info = found ?? { ...this.#info, state: "finished" };
  }

  async #resumeShares(): Promise<void> {
    const access = this.#access();
    try {
      await this.#each((share) => share.resume(access));
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new X2GoError(
        "x2go-share",
        `the session ${access.session.name} was resumed, but not all that is shared with it: ${why}`,
        access.session.name,
        { cause },
      );
    }
  }

  async #stopShares(): Promise<void> {
    await this.#each((share) => share.stop());
    this.#shares.clear();
  }

  /** Does it for all, and fails with the first that did. */
  async #each(work: (share: SessionShare) => Promise<void>): Promise<void> {
    const done = await Promise.allSettled([...this.#shares].map(work));
    const failed = done.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }
}

const TIMEOUT_MS = 30_000;
/** How often a session's state is asked for while waiting for another. */
const POLL_MS = 200;

/** States in which a session's ports are its own. */
function isShared(state: SessionState): boolean {
  return state === "starting" || state === "running" || state === "resuming";
}

async function find(
  connection: SshConnection,
  name: string,
  options: WaitOptions,
): Promise<SessionInfo | undefined> {
  const sessions = await X2GoSession.list(connection, options);
  return sessions.find((session) => session.name === name);
}
