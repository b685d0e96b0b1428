import { ArgumentError } from "../../errors.ts";
import type { Arguments, Command } from "./arguments.ts";
import type { AdmissionRules } from "../../forward/admission/admission_rules.ts";
import { defined } from "../../defined.ts";
import { type Destination, parseDestination } from "./values/destination.ts";
import type { ForwardOptions } from "./values/forward_options.ts";
import {
  type ForwardSpec,
  parseForwardSpec,
  withoutDuplicates,
} from "./values/forward_spec.ts";
import { setting } from "./setting.ts";

/** What was read of a command line so far. */
export class CommandLine {
  /** What needs no more than the last value. */
  readonly args: Omit<
    Arguments,
    | "host"
    | "forwards"
    | "forwardOptions"
    | "settings"
    | "identities"
    | "notes"
    | "fallbacks"
  > = {
    verbosity: 0,
    verify: true,
    once: false,
    drainMs: 5000,
    output: "live",
  };
  /** See {@linkcode Arguments}. */
  readonly forwards: ForwardSpec[] = [];
  /** See {@linkcode Arguments}. */
  readonly forwardOptions: ForwardOptions = {};
  /** See {@linkcode Arguments}. */
  readonly identities: string[] = [];
  /** See {@linkcode Arguments}. */
  readonly notes = new Set<string>();
  /** See {@linkcode Arguments}. */
  readonly fallbacks: Destination[] = [];
  /** Settings in the form of `-o`, in order: the first of a keyword counts. */
  readonly settings: string[] = [];
  /** Settings by keyword, which the last flag decides; they take precedence over {@linkcode settings}. */
  readonly overrides = new Map<string, string>();
  /** The flags that were given, and not taken back. */
  readonly given = new Set<string>();
  /** Whether to print the settings only. */
  showConfig = false;
  /** What is to be done instead of reading any further. */
  answer: Command | undefined;
  #host: string | undefined;
  /** The settings that the destination has made. */
  #destination: readonly string[] = [];

  /** The options of the last `-R`, or of all forwards before the first. */
  get optionsHere(): ForwardOptions {
    const forward = this.forwards.at(-1);
    return forward ? forward.options ??= {} : this.forwardOptions;
  }

  /** Adds rules about who may connect. */
  admit(rules: AdmissionRules): void {
    const options = this.optionsHere;
    options.admission = { ...options.admission, ...rules };
  }

  /** Adds a setting of ssh_config. */
  set(keyword: string, value: string | number): void {
    this.settings.push(setting(keyword, `${value}`));
  }

  /** Sets how much is printed. */
  setVerbosity(verbosity: number): void {
    this.args.verbosity = verbosity;
    const level = verbosity < 0 ? "QUIET" : `DEBUG${verbosity}`;
    this.overrides.set("LogLevel", level);
  }

  /**
   * Reads the destination.
   *
   * @throws {ArgumentError} if it is not valid.
   */
  setDestination(text: string): void {
    failIfForward(text);
    const { host, user, port } = parseDestination(text);
    this.#host = host;
    this.#destination = settingsOf({ host, ...defined({ user, port }) });
    this.settings.push(...this.#destination);
  }

  /**
   * Reads the command to run on the server.
   *
   * @throws {ArgumentError} if it can only be the value of a `-R` that was forgotten.
   */
  setRemoteCommand(text: string): void {
    if (this.forwards.length === 0) failIfForward(text.split(" ")[0]!);
    this.args.remoteCommand = text;
  }

  /**
   * Ends the reading.
   *
   * @throws {ArgumentError} if there is no destination.
   */
  end(): Command {
    if (this.#host === undefined) {
      throw new ArgumentError("destination", "name the server: [user@]host");
    }
    const { fallbackAfterMs, fallbackReturn } = this.args;
    const isTimed = (fallbackAfterMs ?? fallbackReturn) !== undefined;
    if (isTimed && this.fallbacks.length === 0) {
      throw new ArgumentError(
        fallbackReturn ? "--return" : "--fallback-after",
        "name the other servers with --fallback SERVER",
      );
    }
    const overrides = [...this.overrides].map(([keyword, value]) =>
      setting(keyword, value)
    );
    return {
      name: this.showConfig ? "show-config" : "run",
      arguments: {
        ...this.args,
        host: this.#host,
        forwardOptions: this.forwardOptions,
        forwards: withoutDuplicates(this.forwards),
        settings: [...overrides, ...this.settings],
        fallbacks: this.fallbacks.map((fallback) => ({
          host: fallback.host,
          settings: [
            ...settingsOf(fallback),
            ...overrides,
            ...without(this.settings, this.#destination),
          ],
        })),
        identities: this.identities,
        notes: [...this.notes],
      },
    };
  }
}

function settingsOf({ user, port }: Destination): string[] {
  return [
    ...user === undefined ? [] : [setting("User", user)],
    ...port === undefined ? [] : [setting("Port", `${port}`)],
  ];
}

/** Leaves out the first of each. */
function without(all: readonly string[], some: readonly string[]): string[] {
  const left = [...all];
  for (const one of some) left.splice(left.indexOf(one), 1);
  return left;
}

/** @throws {ArgumentError} if a word can only be the value of a `-R` that was forgotten. */
function failIfForward(word: string): void {
  if (word.startsWith("ssh://")) return;
  try {
    // A port alone, or host:port, is more likely a mistaken destination.
    if (parseForwardSpec(word).target === "socks") return;
  } catch {
    return;
  }
  throw new ArgumentError(
    "destination",
    `${word} is a forward; did you mean -R ${word}?`,
  );
}
