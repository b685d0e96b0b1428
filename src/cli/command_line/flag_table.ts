/**
 * To add a flag, add it to `own` below (the parser, help and completions derive from it), its value to
 * `Arguments` in arguments.ts, and a row to docs/command.md, which a test compares with this table.
 *
 * @module
 */

import { ArgumentError } from "../../errors.ts";
import { noDelayModes } from "../../ssh/connection.ts";
import { nativeEngine } from "../../ssh/native/native_engine.ts";
import { optionNames } from "../ssh_config/options/option_table.ts";
import { engineNames, sessionModes, shells } from "./arguments.ts";
import type { CommandLine } from "./command_line.ts";
import { checkUser } from "./values/destination.ts";
import {
  bytes,
  choice,
  cidr,
  count,
  file,
  type Flag,
  flag,
  type FlagValue,
  port,
  text,
  time,
} from "./flag.ts";
import { flagsWithoutEffect } from "./flags_without_effect.ts";
import { parseForwardSpec } from "./values/forward_spec.ts";

/** Flags that ssh does not have, and `-R`, in the order of `--help`. */
const own: readonly Flag[] = [
  flag({
    names: ["-R"],
    value: text("FORWARD"),
    help: "[bind:]port:host:hostport, or a /socket on either side",
    read: ({ forwards }, value) => forwards.push(parseForwardSpec(value)),
  }),
  flag({
    names: ["--no-verify"],
    help: "do not check who answers at a bound port",
    read: ({ args }) => args.verify = false,
  }),
  flag({
    names: ["--verify"],
    help: "check it, as by default; reverts --no-verify",
    read: ({ args, given }) => {
      args.verify = true;
      given.delete("--no-verify");
    },
  }),
  flag({
    names: ["--verify-every"],
    value: time(1),
    help: "check it again at this interval, e.g. 90 or 1m30s",
    contradicts: ["--no-verify"],
    read: ({ args }, everyMs) => args.verify = { everyMs },
  }),
  flag({
    names: ["--bind-wait"],
    value: time(),
    help: "how long to ask for a port in use (no limit)",
    read: ({ args }, ms) => args.bindWaitMs = ms,
  }),
  flag({
    names: ["--max-wait"],
    value: time(1),
    help: "longest pause before reconnecting (1m)",
    read: ({ args }, ms) => args.maxWaitMs = ms,
  }),
  flag({
    names: ["--attempts"],
    value: count,
    help: "give up when connecting fails N times in a row",
    read: ({ args }, attempts) => args.attempts = attempts,
  }),
  flag({
    names: ["--once"],
    help: "do not reconnect: end as ssh does",
    read: ({ args }) => args.once = true,
  }),
  flag({
    names: ["--session"],
    value: choice("WHEN", sessionModes),
    help: "show output of a session: auto, always, never (auto)",
    read: ({ args }, mode) => args.session = mode,
  }),
  flag({
    names: ["--drain"],
    value: time(),
    help: "how long connections may go on after Ctrl-C (5s)",
    read: ({ args }, ms) => args.drainMs = ms,
  }),
  flag({
    names: ["--allow"],
    value: cidr,
    perForward: true,
    help: "connections from these addresses only; repeatable",
    read: (line, range) => {
      const { allow = [] } = line.optionsHere.admission ?? {};
      line.admit({ allow: [...allow, range] });
    },
  }),
  flag({
    names: ["--deny"],
    value: cidr,
    perForward: true,
    help: "none from these, even if allowed; repeatable",
    read: (line, range) => {
      const { deny = [] } = line.optionsHere.admission ?? {};
      line.admit({ deny: [...deny, range] });
    },
  }),
  flag({
    names: ["--max-connections"],
    value: count,
    perForward: true,
    help: "how many connections may be live at once",
    read: (line, maxConnections) => line.admit({ maxConnections }),
  }),
  flag({
    names: ["--max-rate"],
    value: count,
    perForward: true,
    help: "how many new connections a second",
    read: (line, maxRate) => line.admit({ maxRate }),
  }),
  flag({
    names: ["--max-bandwidth"],
    value: bytes,
    perForward: true,
    help: "bytes a second each way, e.g. 512K, 10M",
    read: (line, maxBandwidth) => line.admit({ maxBandwidth }),
  }),
  flag({
    names: ["--idle-timeout"],
    value: time(1),
    perForward: true,
    help: "end connections that move no byte for this long",
    read: (line, idleTimeoutMs) => line.admit({ idleTimeoutMs }),
  }),
  flag({
    names: ["--nodelay"],
    value: choice("WHEN", noDelayModes),
    help: "avoid delays on the server: auto, always, never (auto)",
    read: ({ args }, mode) => args.noDelay = mode,
  }),
  flag({
    names: ["--engine"],
    value: choice("ENGINE", engineNames),
    help: "native, or ssh2 for servers with old algorithms only",
    read: ({ args }, name) => args.engine = name,
  }),
  flag({
    names: ["--json"],
    help: "print events on stdout, one line of JSON each",
    read: ({ args }) => args.output = "json",
  }),
  flag({
    names: ["--plain"],
    help: "print lines on stderr, also on a terminal",
    contradicts: ["--json"],
    read: ({ args }) => args.output = "plain",
  }),
  flag({
    names: ["--completions"],
    value: choice("SHELL", shells),
    help: `print completions for ${shells.join(", ")}`,
    read: (line, shell) => line.answer = { name: "completions", shell },
  }),
  flag({
    names: ["-h", "--help"],
    help: "print this",
    read: (line) => line.answer = { name: "help" },
  }),
  flag({
    names: ["-V", "--version"],
    help: "print the version",
    read: (line) => line.answer = { name: "version" },
  }),
];

/** Flags that do the same in ssh. */
const asInSsh: readonly Flag[] = [
  override("-4", "connect over IPv4 only", "AddressFamily", "inet"),
  override("-6", "connect over IPv6 only", "AddressFamily", "inet6"),
  override("-b", "connect from this address", "BindAddress", text("ADDRESS")),
  override(
    "-c",
    "ciphers, best first",
    "Ciphers",
    text("CIPHERS", nativeEngine.supportedAlgorithms.cipher),
  ),
  override("-C", "compress the connection", "Compression", "yes"),
  flag({
    names: ["-E"],
    value: file,
    help: "append messages to a file",
    read: ({ args }, path) => args.logFile = path,
  }),
  flag({
    names: ["-F"],
    value: file,
    help: "configuration file, or none",
    read: ({ args }, path) => args.configFile = path,
  }),
  flag({
    names: ["-G"],
    help: "print the settings and end",
    read: (line) => line.showConfig = true,
  }),
  flag({
    names: ["-i"],
    value: file,
    help: "private key to log in with",
    read: (line, path) => {
      line.set("IdentityFile", path);
      line.identities.push(path);
    },
  }),
  flag({
    names: ["-J"],
    value: text("HOSTS", "hosts"),
    help: "connect through these hosts",
    read: jump,
  }),
  flag({
    names: ["-l"],
    value: text("USER", "users"),
    help: "user to log in as",
    read: (line, user, name) => {
      checkUser(name, user);
      line.set("User", user);
    },
  }),
  override(
    "-m",
    "MAC algorithms, best first",
    "MACs",
    text("MACS", nativeEngine.supportedAlgorithms.mac),
  ),
  override("-N", "open no session on the server", "SessionType", "none"),
  flag({
    names: ["-o"],
    value: {
      ...text("SETTING", optionNames.map((name) => `${name}=`)),
      open: true,
    },
    help: "a line of ssh_config",
    read: ({ settings }, line) => settings.push(line),
  }),
  flag({
    names: ["-p"],
    value: port,
    help: "port of the server",
    read: (line, port) => line.set("Port", port),
  }),
  flag({
    names: ["-q"],
    help: "say less",
    read: (line) => line.setVerbosity(-1),
  }),
  flag({
    names: ["-v"],
    help: "say more; up to three times",
    read: (line) =>
      line.setVerbosity(Math.min(Math.max(line.args.verbosity, 0) + 1, 3)),
  }),
].map((flag): Flag => ({ ...flag, asInSsh: true }));

/**
 * The flags of the command line. All those of ssh are among them, so that a
 * command line can be taken over as it is, or the error says why not.
 */
export const flags: readonly Flag[] = [
  ...own,
  ...asInSsh,
  ...flagsWithoutEffect,
];

/** A flag for a setting of ssh_config: the last one given counts, and before any `-o`. */
function override(
  name: string,
  help: string,
  keyword: string,
  to: string | FlagValue,
): Flag {
  return flag<string | undefined>({
    names: [name],
    help,
    value: typeof to === "object" ? to : undefined,
    read: ({ overrides }, value) => overrides.set(keyword, value ?? `${to}`),
  });
}

function jump({ settings }: CommandLine, hosts: string, name: string): void {
  const before = settings.find((line) =>
    /^\s*proxy(jump|command)\b/i.test(line)
  );
  if (before !== undefined) {
    throw new ArgumentError(
      name,
      `${before} was given before; name all hosts in one -J, with commas between them`,
    );
  }
  // ssh reads the rest of this line as it stands.
  settings.push(`ProxyJump=${hosts}`);
}
