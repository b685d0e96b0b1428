/**
 * The commands of x2goserver that concern sessions, and their output. The output
 * is untrusted text: what does not have the expected form is an `x2go-output`
 * error, and never becomes part of a path or a command.
 *
 * @module
 */

import { checkKinds, type Kinds } from "../../check_kinds.ts";
import { ArgumentError } from "../../errors.ts";
import { printable } from "../../text/printable.ts";
import { checkText } from "../../validate.ts";
import { quote } from "../../quote.ts";
import { X2GoError } from "../errors.ts";
import { limited, type Script, type WaitOptions } from "./run_script.ts";
import type {
  ReadySession,
  SessionInfo,
  SessionState,
} from "./session_info.ts";

/** How the session looks to the display that will show it. */
export interface DisplayOptions {
  /**
   * `WIDTHxHEIGHT`, `fullscreen` or `maximize`.
   *
   * @default {"800x600"}
   */
  geometry?: string;
  /**
   * How fast the connection to the display is.
   *
   * @default {"lan"}
   */
  link?: "modem" | "isdn" | "adsl" | "wan" | "lan";
  /**
   * How images are packed.
   *
   * @default {"16m-jpeg-9"}
   */
  pack?: string;
  /**
   * Which way the clipboard goes.
   *
   * @default {"both"}
   */
  clipboard?: "both" | "client" | "server" | "none";
}

/** What a session is started with. */
export interface StartOptions extends DisplayOptions {
  /** The program that the session is for: its name becomes part of the session's. */
  command: string;
  /** `application` (by default): windows among those of the display. `desktop`: one window with all in it. */
  kind?: "application" | "desktop";
}

/** Where a resumed session is reached. */
export type SessionPorts = Required<
  { [P in "graphicsPort" | "soundPort" | "foldersPort"]: number }
>;

/** Lists the user's sessions on that server, with what each agent says of itself. */
export function listScript(timeoutMs: number): Script {
  return {
    name: "x2golistsessions",
    text: [
      `sessions=$(${limited("x2golistsessions", timeoutMs)}) || exit`,
      'printf "%s\\n" "$sessions"',
      `printf "%s\\n" "$sessions" | while IFS="|" read -r pid name rest; do ${
        agentState('"$pid"', '"$name"')
      }; done`,
      "exit 0",
    ].join("; "),
  };
}

/** Asks an agent for its state: much faster than a list. */
export function stateScript({ name, agentPid }: SessionInfo): Script {
  return {
    name: "the check of the session's state",
    session: name,
    text: `${agentState(quote(`${agentPid ?? ""}`), quote(name))}; exit 0`,
  };
}

/**
 * Prints an agent's state as `state:NAME:STATE`. One that was killed leaves its
 * last state behind, so its process is checked too: even a zombie has no `exe`.
 */
function agentState(pid: string, name: string): string {
  return [
    `if [ -z ${pid} ]; then state=`,
    `elif [ -e /proc/${pid}/exe ]; then state=$(cat "$HOME"/.x2go/C-${name}/state)`,
    "else state=TERMINATED",
    `fi; printf "state:%s:%s\\n" ${name} "$state"`,
  ].join("; ");
}

/**
 * The exit status of x2gostartagent when the agent ended at once: x2goserver
 * gives a display away while the agent that had it is still ending. It takes
 * another one when it is asked again.
 */
const AGENT_DIED = 12;

export function startScript(
  options: StartOptions,
  timeoutMs: number,
): Script {
  const { command, kind = "application" } = options;
  const { geometry, link, pack, clipboard } = displayArguments(options);
  checkText("command", command, "command");
  checkWord("kind", kind, ["application", "desktop"]);
  const words = [
    ...["x2gostartagent", geometry, link, pack, "unix-kde-depth_24"],
    ...NO_KEYBOARD,
    ...[kind === "desktop" ? "D" : "R", programName(command), clipboard],
  ];
  const start = limited(words.map(quote).join(" "), timeoutMs);
  return {
    name: "x2gostartagent",
    text:
      `start() { X2GO_XINERAMA=false ${start}; }; start || { status=$?; [ $status -eq ${AGENT_DIED} ] || exit $status; sleep 1; start; }`,
  };
}

export function resumeScript(
  session: string,
  options: DisplayOptions,
  timeoutMs: number,
): Script {
  const { geometry, link, pack, clipboard } = displayArguments(options);
  const words = [
    ...["x2goresume-session", session, geometry, link, pack],
    ...NO_KEYBOARD,
    ...[clipboard, "False"], // no Xinerama
  ];
  return {
    name: "x2goresume-session",
    session,
    text: limited(words.map(quote).join(" "), timeoutMs),
  };
}

export function suspendScript(session: string, timeoutMs: number): Script {
  return {
    name: "x2gosuspend-session",
    session,
    text: limited(`x2gosuspend-session ${quote(session)}`, timeoutMs),
  };
}

/** Ends the session's programs first: folders in use could not be unmounted. */
export function terminateScript(session: string, timeoutMs: number): Script {
  return {
    name: "x2goterminate-session",
    session,
    text: [
      limited(`x2goterminate-session ${quote(session)}`, timeoutMs),
      limited(`x2goumount-session ${quote(session)}`, timeoutMs),
    ].join("; "),
  };
}

/**
 * Runs the program that the session is for. The session ends with it.
 *
 * @param environment What the program finds in its environment.
 */
export function programScript(
  { name, display, agentPid, soundPort }: ReadySession,
  command: string,
  environment: Readonly<Record<string, string>>,
): Script {
  const words = [
    "env",
    ...Object.entries(environment).map(([key, value]) => `${key}=${value}`),
    ...["setsid", "x2goruncommand", `${display}`, `${agentPid}`, name],
    // Sound is set up by the environment: x2goruncommand knows only esd.
    ...[`${soundPort}`, command, "none", /_stD/.test(name) ? "D" : "R"],
  ];
  return {
    name: "x2goruncommand",
    session: name,
    text: `cd; ${words.map(quote).join(" ")} </dev/null >/dev/null 2>&1 &`,
  };
}

/** Leaves the keyboard as it is: layout, type, and not to set it. */
const NO_KEYBOARD = ["null", "null/null", "0"];

const startKinds: Kinds<StartOptions & WaitOptions> = {
  command: "text",
  kind: "text",
  geometry: "text",
  link: "text",
  pack: "text",
  clipboard: "text",
  timeoutMs: "any",
  signal: "signal",
};

/** @throws {ArgumentError} for a setting that would have no effect, such as a misspelled one of the clipboard. */
function displayArguments(options: DisplayOptions) {
  checkKinds<Partial<StartOptions> & WaitOptions>(options, startKinds);
  const { geometry = "800x600", link = "lan", pack = "16m-jpeg-9" } = options;
  const { clipboard = "both" } = options;
  checkWord("link", link, ["modem", "isdn", "adsl", "wan", "lan"]);
  checkWord("clipboard", clipboard, ["both", "client", "server", "none"]);
  return { geometry, link, pack, clipboard };
}

function checkWord(argument: string, word: string, known: string[]): void {
  if (known.includes(word)) return;
  throw new ArgumentError(argument, `use ${known.join(", ")}`);
}

/** X2Go leaves out of a session's name what it does not allow there, but not all of it: `@` makes the start fail. */
function programName(command: string): string {
  const [program = ""] = command.trim().split(/\s+/);
  const name = program.slice(program.lastIndexOf("/") + 1);
  return name.replaceAll(/[^\w.-]/g, "").slice(0, 64) || "program";
}

/**
 * The sessions in a list. Lines without a `|` are ignored: extensions of the
 * server may print anything.
 *
 * @throws {X2GoError} `x2go-output` if one cannot be parsed.
 */
export function parseSessions(output: string): SessionInfo[] {
  const lines = output.split("\n").map((line) => line.trim());
  return lines.filter((line) => line.includes("|")).map((line) => {
    const session = parseSession(line);
    // The list has only R or S, as of the last time that it was updated.
    const state = parseState(output, session.name) ?? session.state;
    return session.state === "finished" ? session : { ...session, state };
  });
}

/** The state that a session's agent reports; undefined if it is unknown. */
export function parseState(
  output: string,
  name: string,
): SessionState | undefined {
  const prefix = `state:${name}:`;
  const line = output.split("\n").find((line) => line.startsWith(prefix));
  return AGENT_STATES.get(line?.slice(prefix.length).trim() ?? "");
}

const AGENT_STATES = new Map<string, SessionState>([
  ["STARTING", "starting"],
  ["RUNNING", "running"],
  ["RESUMING", "resuming"],
  ["SUSPENDING", "suspending"],
  ["SUSPENDED", "suspended"],
  ["TERMINATING", "finished"],
  ["TERMINATED", "finished"],
]);

function parseSession(line: string): SessionInfo {
  const [pid, name, display, host, status, created, cookie, ...more] = line
    .split("|");
  const [client, graphics, sound, changed, user, age, folders] = more;
  const state = LISTED_STATES.get(status ?? "");
  if (
    folders === undefined || state === undefined || !isName(name!) ||
    !isDisplay(display!) || !isCookie(cookie!) ||
    !(pid === "" || isPid(pid!)) ||
    ![graphics, sound, folders].every((port) => port === "" || isPort(port!))
  ) throw notUnderstood("x2golistsessions", line);
  return {
    name: name!,
    // The columns are filled as the session is set up.
    state: folders === "" && state === "running" ? "starting" : state,
    display: Number(display),
    user: printable(user!),
    host: printable(host!),
    clientAddress: printable(client!),
    cookie: cookie!,
    agentPid: Number(pid) || undefined,
    graphicsPort: Number(graphics) || undefined,
    soundPort: Number(sound) || undefined,
    foldersPort: Number(folders) || undefined,
    created: printable(created!),
    lastChanged: printable(changed!),
    ageSeconds: Number(age) || 0,
  };
}

const LISTED_STATES = new Map<string, SessionState>([
  ["R", "running"],
  ["S", "suspended"],
  ["F", "finished"],
]);

/**
 * The name of the session that was started. Seven lines say what it is:
 * display, cookie, process, name and three ports. Extensions of the server may
 * have printed something before.
 *
 * @throws {X2GoError} `x2go-output` if there are no such lines.
 */
export function parseStarted(output: string): string {
  const lines = output.split("\n").map((line) => line.trim());
  const checks = [isDisplay, isCookie, isPid, isName, isPort, isPort, isPort];
  const start = lines.findIndex((_, at) =>
    checks.every((check, i) => lines[at + i] && check(lines[at + i]!))
  );
  if (start < 0) throw notUnderstood("x2gostartagent", output);
  return lines[start + 3]!;
}

/**
 * Where the resumed session is reached.
 *
 * @throws {X2GoError} `x2go-output` if a port is missing.
 */
export function parseResumed(stdout: string): SessionPorts {
  const port = (key: string) => {
    const [, port = ""] = new RegExp(`^${key}=(\\d+)\\s*$`, "m").exec(stdout) ??
      [];
    if (isPort(port)) return Number(port);
    throw notUnderstood("x2goresume-session", stdout);
  };
  return {
    graphicsPort: port("gr_port"),
    soundPort: port("sound_port"),
    foldersPort: port("fs_port"),
  };
}

/**
 * x2gosuspend-session and x2goresume-session exit with 0 even if they failed,
 * and say so on stderr, among lines that are harmless (`Died at
 * …/x2gormport line 34.`).
 *
 * @throws {X2GoError} `x2go-refused` if they did.
 */
export function throwIfFailed({ name, session }: Script, stderr: string): void {
  const [said] = /^ERROR: .*$/m.exec(stderr) ?? [];
  if (said === undefined) return;
  throw new X2GoError("x2go-refused", `${name}: ${printable(said)}`, session);
}

function notUnderstood(name: string, output: string): X2GoError {
  return new X2GoError(
    "x2go-output",
    `${name} printed unexpected output: ${printable(output)}`,
  );
}

// What becomes part of a path or a command there, or a port here.
const isName = (text: string) => /^[\w.][\w.@-]{0,499}$/.test(text);
const isDisplay = (text: string) => /^\d{1,5}$/.test(text);
const isCookie = (text: string) => /^[0-9a-zA-Z]{0,64}$/.test(text);
const isPid = (text: string) => /^[1-9]\d{0,9}$/.test(text);
const isPort = (text: string) =>
  /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65535;
