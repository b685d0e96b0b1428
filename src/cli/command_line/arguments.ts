import { ArgumentError } from "../../errors.ts";
import { type NoDelay, noDelayModes } from "../../ssh/connection.ts";
import { checkUser, parseDestination } from "./destination.ts";
import {
  type ForwardSpec,
  parseForwardSpec,
  withoutDuplicates,
} from "./forward_spec.ts";
import {
  type Answer,
  defaultDrainMs,
  engineNames,
  isShell,
  type OptionEffect,
  type OwnOption,
  sessionModes,
  type Shell,
  shells,
} from "./options.ts";
import { parsePort } from "./port.ts";
import { readOptions } from "./read_options.ts";
import { parseTime } from "./time.ts";
import { shown } from "../../text/shown.ts";

/** What the command line asks for. */
export type Command =
  | { name: "help" }
  | { name: "version" }
  | { name: "completions"; shell: Shell }
  /** `show-config` (`-G`) prints what `run` would go by. */
  | { name: "run" | "show-config"; arguments: Arguments };

/** What the command line says of the forwards and the way to the server. */
export interface Arguments {
  /** The host as it was written, which `Host` lines of ssh_config are about. */
  host: string;
  /** The `-R` options in their order, each once. Those of ssh_config come after them. */
  forwards: readonly ForwardSpec[];
  /**
   * What the other options set, as `-o` takes it, e.g. `Port=22`. The first
   * for a keyword counts, and all count more than the files of ssh_config.
   */
  settings: readonly string[];
  /** The files of `-i`; they are among the settings, as `IdentityFile`. */
  identities: readonly string[];
  /** The file of `-F`, or `none`; the usual ones if it is undefined. */
  configFile?: string;
  /** Where messages go instead of stderr. */
  logFile?: string;
  /** -1 for `-q`, else how many `-v`, up to 3. It is also among the settings, as `LogLevel`. */
  verbosity: number;
  /** Whether to look who answers at a bound port, and how often again. */
  verify: boolean | { everyMs: number };
  /** How long to ask for a port that is in use; without limit if undefined. */
  bindWaitMs?: number;
  /** The longest pause before connecting again. */
  maxWaitMs?: number;
  /** How many times in a row connecting may fail; always if undefined. */
  attempts?: number;
  /** Whether the end of the connection is the end. */
  once: boolean;
  /** What speaks SSH's transport layer; the native engine by default. */
  engine?: typeof engineNames[number];
  /** What to do about Nagle's algorithm on the server. */
  noDelay?: NoDelay;
  /** When to open a session on the server; undefined if that is the configuration's to say. */
  session?: typeof sessionModes[number];
  /** What to run on the server. */
  remoteCommand?: string;
  /** How long connections may go on after Ctrl-C. */
  drainMs: number;
  /** How events are printed: a live view if there is a terminal, lines, or lines of JSON. */
  output: "live" | "plain" | "json";
  /** What was asked for and is not done, for the user to know. */
  notes: readonly string[];
}

/**
 * Reads the command line as ssh reads its own: options before or after the
 * destination, clustered, first `-p`, `-l` or `-o` for a setting counts.
 *
 * @param argv The arguments, without the program's name.
 * @throws {ArgumentError} at the first mistake.
 */
export function parseArguments(argv: readonly string[]): Command {
  const line = new CommandLine();
  for (const item of readOptions(argv)) {
    if ("destination" in item) {
      line.destination(item.destination);
    } else if ("command" in item) {
      line.remoteCommand(item.command);
    } else if ("answer" in item.option.effect) {
      return toAnswer(item.option.effect.answer, item.flag, item.value);
    } else {
      line.option(item.option.effect, item.flag, item.value);
    }
  }
  return line.command();
}

/** What was read of a command line so far. */
class CommandLine {
  readonly #settings: string[] = [];
  readonly #overrides = new Map<string, string>();
  readonly #identities: string[] = [];
  readonly #forwards: ForwardSpec[] = [];
  readonly #notes = new Set<string>();
  /** Our own options that were given, and not taken back. */
  readonly #given = new Set<string>();
  #name: "run" | "show-config" = "run";
  readonly #arguments: Omit<
    Arguments,
    "host" | "forwards" | "settings" | "identities" | "notes"
  > = {
    verbosity: 0,
    verify: true,
    once: false,
    drainMs: defaultDrainMs,
    output: "live",
  };
  #host: string | undefined;
  #remoteCommand: string | undefined;

  destination(text: string): void {
    failIfForward(text);
    const { host, user, port } = parseDestination(text);
    this.#host = host;
    if (user !== undefined) this.#settings.push(setting("User", user));
    if (port !== undefined) this.#settings.push(setting("Port", `${port}`));
  }

  remoteCommand(text: string): void {
    if (this.#forwards.length === 0) failIfForward(text.split(" ")[0]!);
    this.#remoteCommand = text;
  }

  option(
    effect: Exclude<OptionEffect, { answer: Answer }>,
    flag: string,
    value: string,
  ): void {
    if ("own" in effect) {
      this.#own(effect.own, flag, value);
    } else if ("override" in effect) {
      this.#overrides.set(effect.override, effect.to ?? value);
    } else if ("refused" in effect) {
      throw new ArgumentError(flag, effect.refused);
    } else if (effect.ignored !== true) {
      this.#notes.add(`${flag}: ${effect.ignored}`);
    }
  }

  command(): Command {
    if (this.#host === undefined) {
      throw new ArgumentError("destination", "name the server: [user@]host");
    }
    for (const [flag, other] of EXCLUSIVE) {
      if (this.#given.has(flag) && this.#given.has(other)) {
        throw new ArgumentError(flag, `cannot be used together with ${other}`);
      }
    }
    const overrides = [...this.#overrides].map(([keyword, value]) =>
      setting(keyword, value)
    );
    return {
      name: this.#name,
      arguments: {
        ...this.#arguments,
        ...this.#remoteCommand !== undefined && {
          remoteCommand: this.#remoteCommand,
        },
        host: this.#host,
        forwards: withoutDuplicates(this.#forwards),
        settings: [...overrides, ...this.#settings],
        identities: this.#identities,
        notes: [...this.#notes],
      },
    };
  }

  #own(name: OwnOption, flag: string, value: string): void {
    const args = this.#arguments;
    this.#given.add(flag);
    switch (name) {
      case "forward":
        this.#forwards.push(parseForwardSpec(value));
        break;
      case "port":
        this.#settings.push(setting("Port", `${toPort(flag, value)}`));
        break;
      case "user":
        checkUser(flag, value);
        this.#settings.push(setting("User", value));
        break;
      case "identity":
        this.#settings.push(setting("IdentityFile", value));
        this.#identities.push(value);
        break;
      case "jump":
        this.#jump(flag, value);
        break;
      case "setting":
        this.#settings.push(value);
        break;
      case "config-file":
        args.configFile = value;
        break;
      case "log-file":
        args.logFile = value;
        break;
      case "verbose":
        this.#setVerbosity(Math.min(Math.max(args.verbosity, 0) + 1, 3));
        break;
      case "quiet":
        this.#setVerbosity(-1);
        break;
      case "show-config":
        this.#name = "show-config";
        break;
      case "verify":
        args.verify = true;
        this.#given.delete("--no-verify");
        break;
      case "no-verify":
        args.verify = false;
        break;
      case "verify-every":
        args.verify = { everyMs: parseTime(flag, value, 1) };
        break;
      case "bind-wait":
        args.bindWaitMs = parseTime(flag, value, 0);
        break;
      case "max-wait":
        args.maxWaitMs = parseTime(flag, value, 1);
        break;
      case "attempts":
        args.attempts = toCount(flag, value);
        break;
      case "once":
        args.once = true;
        break;
      case "engine":
        args.engine = engineNames.find((name) => name === value) ??
          fail(flag, `use ${engineNames.join(" or ")}`);
        break;
      case "nodelay":
        args.noDelay = noDelayModes.find((mode) => mode === value) ??
          fail(flag, `use ${noDelayModes.join(", ")}`);
        break;
      case "session":
        args.session = sessionModes.find((mode) => mode === value) ??
          fail(flag, `use ${sessionModes.join(", ")}`);
        break;
      case "drain":
        args.drainMs = parseTime(flag, value, 0);
        break;
      case "json":
      case "plain":
        args.output = name;
        break;
      case "monitor":
        this.#monitor(flag, value);
        break;
    }
  }

  #jump(flag: string, hosts: string): void {
    const before = this.#settings.find((line) =>
      /^\s*proxy(jump|command)\b/i.test(line)
    );
    if (before !== undefined) {
      throw new ArgumentError(
        flag,
        `${before} was given before; name all hosts in one -J, with commas between them`,
      );
    }
    // ssh reads the rest of this line as it stands.
    this.#settings.push(`ProxyJump=${hosts}`);
  }

  #setVerbosity(verbosity: number): void {
    this.#arguments.verbosity = verbosity;
    this.#overrides.set(
      "LogLevel",
      verbosity < 0 ? "QUIET" : `DEBUG${verbosity}`,
    );
  }

  /** autossh's `-M port[:echo_port]`; ssh's takes no value. */
  #monitor(flag: string, value: string): void {
    if (!/^\d+(:\d+)?$/.test(value)) {
      throw new ArgumentError(flag, "connections are not shared; use ssh");
    }
    this.#notes.add(
      `${flag}: a monitoring port is not needed; see --verify-every`,
    );
  }
}

/** Options that contradict each other. */
const EXCLUSIVE = [
  ["--plain", "--json"],
  ["--verify-every", "--no-verify"],
] as const;

/** @throws {ArgumentError} if a word can only be the value of a `-R` that was forgotten. */
function failIfForward(word: string): void {
  if (!isForward(word)) return;
  fail("destination", `${word} is a forward; did you mean -R ${word}?`);
}

function isForward(word: string): boolean {
  if (word.startsWith("ssh://")) return false;
  try {
    parseForwardSpec(word);
    return true;
  } catch {
    return false;
  }
}

/** A line for `-o`, quoted where ssh_config's syntax needs it. */
export function setting(keyword: string, value: string): string {
  return /^[^\s"'\\#=]+$/.test(value)
    ? `${keyword}=${value}`
    : `${keyword}="${value.replace(/["\\]/g, "\\$&")}"`;
}

function toPort(flag: string, value: string): number {
  const port = parsePort(value);
  if (port) return port;
  throw new ArgumentError(
    flag,
    `${shown(value)} is not a valid port; use a number from 1 to 65535`,
  );
}

function toCount(flag: string, value: string): number {
  if (/^[1-9]\d{0,8}$/.test(value)) return Number(value);
  throw new ArgumentError(
    flag,
    `${shown(value)} is not a number from 1`,
  );
}

function toAnswer(name: Answer, flag: string, value: string): Command {
  if (name !== "completions") return { name };
  if (isShell(value)) return { name, shell: value };
  fail(flag, `use ${shells.join(", ")}`);
}

function fail(flag: string, problem: string): never {
  throw new ArgumentError(flag, problem);
}
