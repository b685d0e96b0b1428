import { noDelayModes } from "../../ssh/connection.ts";
import { nativeEngine } from "../../ssh/native/native_engine.ts";
import { optionNames } from "../ssh_config/options/option_table.ts";

/** A value that an option takes. */
export interface OptionValue {
  /** What help calls it, e.g. `"FILE"`. */
  name: string;
  /** What a shell completes it with; nothing by default. */
  complete?: "files" | "users" | "hosts" | readonly string[];
  /** More has to be typed after what was completed, so no space follows it. */
  open?: true;
}

/** The options that {@linkcode parseArguments} knows by name. */
export type OwnOption =
  | "forward"
  | "port"
  | "user"
  | "identity"
  | "jump"
  | "config-file"
  | "setting"
  | "log-file"
  | "verbose"
  | "quiet"
  | "show-config"
  | "verify"
  | "no-verify"
  | "verify-every"
  | "bind-wait"
  | "max-wait"
  | "attempts"
  | "once"
  | "session"
  | "engine"
  | "nodelay"
  | "drain"
  | "json"
  | "plain"
  | "monitor";

/** What the command can be asked for that needs no server. */
export type Answer = "help" | "version" | "completions";

/** What an option does. */
export type OptionEffect =
  /** Something of its own. */
  | { own: OwnOption }
  /** Ends the reading: nothing else is done. */
  | { answer: Answer }
  /** Sets a keyword of ssh_config: the last counts, and it counts more than any `-o`. */
  | { override: string; to?: string }
  /** Nothing; a text says what the user has to do without. */
  | { ignored: true | string }
  /** It cannot be done, and the text says why. */
  | { refused: string };

/** An option of the command line. */
export interface Option {
  /** How it is written, e.g. `["-h", "--help"]`. */
  flags: readonly string[];
  /** The value that it takes, if it takes one. */
  value?: OptionValue;
  /** What it does. */
  effect: OptionEffect;
  /** What it does, in half a line; help and completions leave out options that have none. */
  help?: string;
  /** It is the same in ssh, so that help need not explain it. */
  asInSsh?: true;
}

const file: OptionValue = { name: "FILE", complete: "files" };
const time: OptionValue = { name: "TIME" };

/** A shell that completions are written for. */
export type Shell = "bash" | "zsh" | "fish";

/** All of them. */
export const shells: readonly Shell[] = ["bash", "zsh", "fish"];

/** Whether there are completions for a shell of this name. */
export function isShell(name: string): name is Shell {
  return shells.some((shell) => shell === name);
}

/** What speaks SSH's transport layer. */
export const engineNames = ["native", "ssh2"] as const;

/** When a session is opened on the server. */
export const sessionModes = ["auto", "always", "never"] as const;

/** How long connections may go on after Ctrl-C unless `--drain` says otherwise, in milliseconds. */
export const defaultDrainMs = 5000;

/**
 * The options: what the parser, help and completions know of them. Those of
 * ssh are all here, so that a command line can be taken over as it is or it is
 * said why not.
 */
export const options: readonly Option[] = [
  {
    flags: ["-R"],
    value: { name: "FORWARD" },
    effect: { own: "forward" },
    help: "[bind:]port:host:hostport, or a /socket on either side",
  },
  {
    flags: ["--no-verify"],
    effect: { own: "no-verify" },
    help: "do not check who answers at a bound port",
  },
  // On by default; it takes back a --no-verify, say of an alias.
  { flags: ["--verify"], effect: { own: "verify" } },
  {
    flags: ["--verify-every"],
    value: time,
    effect: { own: "verify-every" },
    help: "check it again at this interval, e.g. 90 or 1m30s",
  },
  {
    flags: ["--bind-wait"],
    value: time,
    effect: { own: "bind-wait" },
    help: "how long to ask for a port in use (no limit)",
  },
  {
    flags: ["--max-wait"],
    value: time,
    effect: { own: "max-wait" },
    help: "longest pause before reconnecting (1m)",
  },
  {
    flags: ["--attempts"],
    value: { name: "N" },
    effect: { own: "attempts" },
    help: "give up when connecting fails N times in a row",
  },
  {
    flags: ["--once"],
    effect: { own: "once" },
    help: "do not reconnect: end as ssh does",
  },
  {
    flags: ["--session"],
    value: { name: "WHEN", complete: sessionModes },
    effect: { own: "session" },
    help: "show the output of a session: auto, always, never (auto)",
  },
  {
    flags: ["--drain"],
    value: time,
    effect: { own: "drain" },
    help: `how long connections may go on after Ctrl-C (${
      defaultDrainMs / 1000
    }s)`,
  },
  {
    flags: ["--nodelay"],
    value: { name: "WHEN", complete: noDelayModes },
    effect: { own: "nodelay" },
  },
  {
    flags: ["--engine"],
    value: { name: "ENGINE", complete: engineNames },
    effect: { own: "engine" },
    help: "native, or ssh2 for servers with old algorithms only",
  },
  {
    flags: ["--json"],
    effect: { own: "json" },
    help: "print events on stdout, one line of JSON each",
  },
  {
    flags: ["--plain"],
    effect: { own: "plain" },
    help: "print lines on stderr, also on a terminal",
  },
  {
    flags: ["--completions"],
    value: { name: "SHELL", complete: shells },
    effect: { answer: "completions" },
    help: `print completions for ${shells.join(", ")}`,
  },
  {
    flags: ["-h", "--help"],
    effect: { answer: "help" },
    help: "print this",
  },

  {
    flags: ["-4"],
    effect: { override: "AddressFamily", to: "inet" },
    help: "connect over IPv4 only",
    asInSsh: true,
  },
  {
    flags: ["-6"],
    effect: { override: "AddressFamily", to: "inet6" },
    help: "connect over IPv6 only",
    asInSsh: true,
  },
  {
    flags: ["-b"],
    value: { name: "ADDRESS" },
    effect: { override: "BindAddress" },
    help: "connect from this address",
    asInSsh: true,
  },
  {
    flags: ["-c"],
    value: {
      name: "CIPHERS",
      complete: nativeEngine.supportedAlgorithms.cipher,
    },
    effect: { override: "Ciphers" },
    help: "ciphers, best first",
    asInSsh: true,
  },
  {
    flags: ["-C"],
    effect: { override: "Compression", to: "yes" },
    help: "compress the connection",
    asInSsh: true,
  },
  {
    flags: ["-E"],
    value: file,
    effect: { own: "log-file" },
    help: "append messages to a file",
    asInSsh: true,
  },
  {
    flags: ["-F"],
    value: file,
    effect: { own: "config-file" },
    help: "configuration file, or none",
    asInSsh: true,
  },
  {
    flags: ["-G"],
    effect: { own: "show-config" },
    help: "print the settings and end",
    asInSsh: true,
  },
  {
    flags: ["-i"],
    value: file,
    effect: { own: "identity" },
    help: "private key to log in with",
    asInSsh: true,
  },
  {
    flags: ["-J"],
    value: { name: "HOSTS", complete: "hosts" },
    effect: { own: "jump" },
    help: "connect through these hosts",
    asInSsh: true,
  },
  {
    flags: ["-l"],
    value: { name: "USER", complete: "users" },
    effect: { own: "user" },
    help: "user to log in as",
    asInSsh: true,
  },
  {
    flags: ["-m"],
    value: { name: "MACS", complete: nativeEngine.supportedAlgorithms.mac },
    effect: { override: "MACs" },
    help: "MAC algorithms, best first",
    asInSsh: true,
  },
  {
    flags: ["-N"],
    effect: { override: "SessionType", to: "none" },
    help: "open no session on the server",
    asInSsh: true,
  },
  {
    flags: ["-o"],
    value: {
      name: "SETTING",
      complete: optionNames.map((name) => `${name}=`),
      open: true,
    },
    effect: { own: "setting" },
    help: "a line of ssh_config",
    asInSsh: true,
  },
  {
    flags: ["-p"],
    value: { name: "PORT" },
    effect: { own: "port" },
    help: "port of the server",
    asInSsh: true,
  },
  {
    flags: ["-q"],
    effect: { own: "quiet" },
    help: "say less",
    asInSsh: true,
  },
  {
    flags: ["-V", "--version"],
    effect: { answer: "version" },
    help: "print the version",
    asInSsh: true,
  },
  {
    flags: ["-v"],
    effect: { own: "verbose" },
    help: "say more; up to three times",
    asInSsh: true,
  },

  // A session has no terminal and nothing to read, which is all that these are about.
  ...["-T", "-n", "-t", "-a", "-x", "-k", "-g", "-2"].map((
    flag,
  ): Option => ({ flags: [flag], effect: { ignored: true } })),
  { flags: ["-e"], value: { name: "CHAR" }, effect: { ignored: true } },
  {
    flags: ["-A"],
    effect: {
      ignored: "the agent is not forwarded",
    },
  },
  ...["-X", "-Y"].map((flag): Option => ({
    flags: [flag],
    effect: { ignored: "X11 is not forwarded" },
  })),
  { flags: ["-K"], effect: { ignored: "Kerberos is not supported" } },
  {
    flags: ["-y"],
    effect: { ignored: "messages go to stderr, or to -E FILE" },
  },
  {
    flags: ["-S"],
    value: { name: "PATH" },
    effect: { ignored: "the connection is not shared with ssh" },
  },
  { flags: ["-M"], value: { name: "PORT" }, effect: { own: "monitor" } },

  ...["-L", "-D", "-W"].map((flag): Option => ({
    flags: [flag],
    value: { name: "FORWARD" },
    effect: {
      refused: "only remote forwards (-R) are made here; use ssh for this one",
    },
  })),
  {
    flags: ["-w"],
    value: { name: "DEVICES" },
    effect: { refused: "tunnel devices are not supported; use ssh" },
  },
  {
    flags: ["-s"],
    effect: { refused: "nothing is run on the server; use ssh" },
  },
  {
    flags: ["-f"],
    effect: {
      refused:
        "the command stays in the foreground; run it as a systemd service, or in the shell with & at the end",
    },
  },
  {
    flags: ["-O"],
    value: { name: "COMMAND" },
    effect: { refused: "connections are not shared; use ssh" },
  },
  {
    flags: ["-Q"],
    value: { name: "WHAT" },
    effect: { refused: "it asks for what ssh supports; use ssh" },
  },
  {
    flags: ["-I"],
    value: { name: "LIBRARY" },
    effect: {
      refused: "a smart card is reached through the agent only; use ssh-add -s",
    },
  },
  {
    flags: ["-B"],
    value: { name: "INTERFACE" },
    effect: { refused: "use -b with an address of the interface" },
  },
  {
    flags: ["-P"],
    value: { name: "TAG" },
    effect: { refused: "tags are not supported; for the port use -p" },
  },
  { flags: ["-1"], effect: { refused: "SSH 1 is obsolete and not supported" } },
];
