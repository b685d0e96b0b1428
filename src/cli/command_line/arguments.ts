import type { NoDelay } from "../../ssh/no_delay.ts";
import type { ForwardOptions } from "./values/forward_options.ts";
import type { ProxyAddress } from "../../ssh/dial/proxy/proxy_address.ts";
import type { ListenAddress } from "./values/listen_address.ts";
import type { ForwardSpec } from "./values/forward_spec.ts";

/** A shell that completions are written for. */
export type Shell = typeof shells[number];

/** The shells that completions are written for. */
export const shells = ["bash", "zsh", "fish"] as const;

/** What speaks SSH's transport layer. */
export const engineNames = ["native", "ssh2"] as const;

/** When to return from a fallback. */
export const returnModes = ["idle", "at-once", "never"] as const;

/** When a session is opened on the server. */
export const sessionModes = ["auto", "always", "never"] as const;

/** What the command line asks for. */
export type Command =
  | { name: "help" }
  | { name: "version" }
  | { name: "completions"; shell: Shell }
  /** `show-config` (`-G`) prints the settings that `run` would use. */
  | { name: "run" | "show-config"; arguments: Arguments };

/** A server of `--fallback`. */
export interface FallbackServer {
  /** See {@linkcode Arguments.host}. */
  readonly host: string;
  /** See {@linkcode Arguments.settings}: its own, and those that are not about the destination. */
  readonly settings: readonly string[];
}

/** What the command line says about the forwards and the way to the server. */
export interface Arguments {
  /** The host as it was written, which `Host` lines of ssh_config match. */
  host: string;
  /** The `-R` options in their order, without duplicates. Those of ssh_config come after them. */
  forwards: readonly ForwardSpec[];
  /** What was said before any `-R`: of all forwards, also those of ssh_config. */
  forwardOptions: ForwardOptions;
  /**
   * What the other options set, as `-o` takes it, e.g. `Port=22`. The first
   * for a keyword counts, and all take precedence over the files of ssh_config.
   */
  settings: readonly string[];
  /** The files of `-i`; they are also among the settings, as `IdentityFile`. */
  identities: readonly string[];
  /** The file of `-F`, or `none`; the usual ones if it is undefined. */
  configFile?: string;
  /** Where messages go instead of stderr. */
  logFile?: string;
  /** -1 for `-q`, else how many `-v`, up to 3. It is also among the settings, as `LogLevel`. */
  verbosity: number;
  /** Whether to check who answers at a bound port, and how often to repeat that. */
  verify: boolean | { everyMs: number };
  /** How long to ask for a port that is in use; without limit if undefined. */
  bindWaitMs?: number;
  /** The longest pause before reconnecting. */
  maxWaitMs?: number;
  /** How many times in a row connecting may fail; without limit if undefined. */
  attempts?: number;
  /** The proxy on the way to the server, or that of the environment. */
  proxy?: ProxyAddress | "env";
  /** The servers to use in its place. */
  fallbacks: readonly FallbackServer[];
  /** How long connecting to a server may fail before the next one is tried. */
  fallbackAfterMs?: number;
  /** When to return to the first server. */
  fallbackReturn?: typeof returnModes[number];
  /** Whether to end when the connection ends. */
  once: boolean;
  /** What speaks SSH's transport layer; the native engine by default. */
  engine?: typeof engineNames[number];
  /** What to do about Nagle's algorithm on the server. */
  noDelay?: NoDelay;
  /** When to open a session on the server; the configuration decides if undefined. */
  session?: typeof sessionModes[number];
  /** The command to run on the server. */
  remoteCommand?: string | undefined;
  /** How long connections may go on after Ctrl-C, in milliseconds. */
  drainMs: number;
  /** How events are printed: a live view if there is a terminal, lines, or lines of JSON. */
  output: "live" | "plain" | "json";
  /** Where metrics are served for Prometheus. */
  metrics?: ListenAddress;
  /** Where the status page is served. */
  status?: ListenAddress;
  /** What was asked for and is not done, for the user. */
  notes: readonly string[];
}
