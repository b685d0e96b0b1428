import { Deadline, delay } from "../../abort.ts";
import type { SshConnection } from "../../ssh/connection.ts";
import { X2GoError } from "../errors.ts";
import {
  type DisplayOptions,
  listScript,
  parseResumed,
  parseSessions,
  parseState,
  resumeScript,
  type SessionPorts,
  stateScript,
  suspendScript,
  terminateScript,
  throwIfFailed,
} from "./protocol.ts";
import { runScript, type Script, type WaitOptions } from "./run_script.ts";
import type { SessionInfo, SessionState } from "./session_info.ts";

/** How long a step may take by default, in milliseconds. */
export const TIMEOUT_MS = 30_000;
/** The same for a start or a resume, for which the server runs dozens of programs. */
export const LONG_TIMEOUT_MS = 60_000;
/**
 * How long a session that is about to be resumed may keep waiting for its
 * first display: one that is connecting takes a second or two.
 */
const FIRST_DISPLAY_MS = 10_000;
/** What happens to a session that is never shown. */
export const NO_DISPLAY =
  "x2goserver ends a session to which no display connects within 60 s of its start";
/** How often a session's state is polled while another is awaited. */
const POLL_MS = 200;

/** The user's sessions that are not finished. */
export async function listSessions(
  connection: SshConnection,
  options: WaitOptions,
): Promise<SessionInfo[]> {
  const script = listScript(options.timeoutMs ?? TIMEOUT_MS);
  return parseSessions((await runScript(connection, script, options)).stdout);
}

/** One session, changed by x2goserver's commands; each change is checked. */
export class RemoteSession {
  constructor(readonly connection: SshConnection, readonly name: string) {}

  /** The session in the list; undefined if it is finished. */
  async find(options: WaitOptions): Promise<SessionInfo | undefined> {
    const sessions = await listSessions(this.connection, options);
    return sessions.find(({ name }) => name === this.name);
  }

  /**
   * Suspends it, unless it is suspended already.
   *
   * @param patient Waits a while for a display that is connecting to a session
   * for the first time.
   */
  async suspend(options: WaitOptions, patient: boolean): Promise<void> {
    const info = await this.#ask(options);
    const isStarting = (state: SessionState) => state === "starting";
    if (isStarting(info.state) && !patient) throw this.#notShown("suspended");
    const { timeoutMs = TIMEOUT_MS } = options;
    const state = await this.#until((now) => !isStarting(now), info, {
      ...options,
      timeoutMs: Math.min(timeoutMs, FIRST_DISPLAY_MS),
    });
    if (state === "running" || state === "resuming") {
      await this.#run(suspendScript, options);
    }
    const suspended = { ...info, state: "suspending" } as const;
    await this.#until((now) => now === "suspended", suspended, options);
  }

  /** Resumes it; it has to be suspended. */
  async resume(options: DisplayOptions & WaitOptions): Promise<SessionPorts> {
    return parseResumed(
      await this.#run(
        (name, timeoutMs) => resumeScript(name, options, timeoutMs),
        options,
      ),
    );
  }

  /** Ends it. */
  async terminate(options: WaitOptions): Promise<void> {
    await this.#run(terminateScript, options);
  }

  async #run(
    write: (name: string, timeoutMs: number) => Script,
    options: WaitOptions,
  ): Promise<string> {
    const script = write(this.name, options.timeoutMs ?? TIMEOUT_MS);
    const { stdout, stderr } = await runScript(
      this.connection,
      script,
      options,
    );
    throwIfFailed(script, stderr);
    return stdout;
  }

  /** Waits for a state; fails at once if the session is finished. */
  async #until(
    wanted: (state: SessionState) => boolean,
    info: SessionInfo,
    { timeoutMs = TIMEOUT_MS, signal }: WaitOptions,
  ): Promise<SessionState> {
    let { state } = info;
    using deadline = new Deadline(timeoutMs, signal);
    deadline.start(() =>
      state === "starting" ? this.#notShown("resumed") : new X2GoError(
        "x2go-timeout",
        `the session ${this.name} is ${state} after ${timeoutMs} ms`,
        this.name,
      )
    );
    const wait = { timeoutMs, signal: deadline.signal };
    const script = stateScript(info);
    while (!wanted(state)) {
      const { stdout } = await runScript(this.connection, script, wait);
      state = parseState(stdout, this.name) ?? (await this.#ask(wait)).state;
      if (state === "finished") {
        throw this.#wrongState(
          info.state === "starting"
            ? `has finished: ${NO_DISPLAY}`
            : "has finished",
        );
      }
      if (!wanted(state)) await delay(POLL_MS, deadline.signal);
    }
    return state;
  }

  /** @throws {X2GoError} `x2go-state` if it is finished. */
  async #ask(options: WaitOptions): Promise<SessionInfo> {
    const info = await this.find(options);
    if (info === undefined || info.state === "finished") {
      throw this.#wrongState("has finished");
    }
    return info;
  }

  #notShown(attempt: string): X2GoError {
    return this.#wrongState(
      `cannot be ${attempt} before a display has connected to it; connect one, or terminate it: ${NO_DISPLAY}`,
    );
  }

  #wrongState(why: string): X2GoError {
    return new X2GoError(
      "x2go-state",
      `the session ${this.name} ${why}`,
      this.name,
    );
  }
}
