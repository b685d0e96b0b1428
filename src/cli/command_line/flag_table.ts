/**
 * To add a flag, add it to `own` below (the parser, help and completions derive from it), its value to
 * `Arguments` in arguments.ts (`ForwardOptions` in values/forward_options.ts if it is `perForward`), its use to run.ts
 * or plan.ts, and a row to docs/command.md, which a test compares with this table.
 *
 * @module
 */

import { ArgumentError } from "../../errors.ts";
import { noDelayModes } from "../../ssh/no_delay.ts";
import { parseProxyUrl } from "../../ssh/dial/proxy/proxy_address.ts";
import { engineNames, returnModes, sessionModes, shells } from "./arguments.ts";
import { parseDestination } from "./values/destination.ts";
import {
  bytes,
  choice,
  cidr,
  count,
  type Flag,
  flag,
  listenAddress,
  text,
  time,
} from "./flag.ts";
import { flagsWithoutEffect } from "./flags_without_effect.ts";
import { sshFlags } from "./ssh_flags.ts";
import { parseForwardSpec } from "./values/forward_spec.ts";

/** Flags that ssh does not have, and `-R`, in the order of `--help`. */
const own: readonly Flag[] = [
  flag({
    names: ["-R"],
    value: text("FORWARD"),
    help: "[bind:]port:host:hostport; a port alone for SOCKS",
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
    names: ["--proxy"],
    value: {
      ...text("URL", ["env", "http://", "socks5://"]),
      open: true,
      parse: (text, flag) => text === "env" ? text : parseProxyUrl(flag, text),
    },
    help: "connect through an HTTP or SOCKS proxy, or as in env",
    read: ({ args }, proxy) => args.proxy = proxy,
  }),
  flag({
    names: ["--fallback"],
    value: text("SERVER", "hosts"),
    help: "use this server while the first cannot be reached",
    read: ({ fallbacks }, value, name) =>
      fallbacks.push(parseDestination(value, name)),
  }),
  flag({
    names: ["--fallback-after"],
    value: time(),
    help: "how long to try a server before the next one (30s)",
    read: ({ args }, ms) => args.fallbackAfterMs = ms,
  }),
  flag({
    names: ["--return"],
    value: choice("WHEN", returnModes),
    help: "return to the first: idle, at-once, never (idle)",
    read: ({ args }, mode) => args.fallbackReturn = mode,
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
    names: ["--proxy-protocol"],
    value: choice("N", ["1", "2"]),
    perForward: true,
    help: "tell targets who connected: PROXY protocol 1 or 2",
    read: ({ optionsHere }, version) =>
      optionsHere.proxyProtocol = version === "1" ? 1 : 2,
  }),
  flag({
    names: ["--check-target"],
    value: time(1),
    perForward: true,
    help: "dial the target this often, and say if it is down",
    read: ({ optionsHere }, everyMs) =>
      optionsHere.checkTarget = { ...optionsHere.checkTarget, everyMs },
  }),
  flag({
    names: ["--release-when-down"],
    perForward: true,
    help: "release the port meanwhile; with --check-target",
    read: ({ optionsHere }, _, name) => {
      if (!optionsHere.checkTarget) {
        throw new ArgumentError(name, "give --check-target TIME before it");
      }
      optionsHere.checkTarget.releaseWhenDown = true;
    },
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
    names: ["--metrics"],
    value: listenAddress,
    help: "serve metrics for Prometheus on [127.0.0.1:]PORT",
    read: ({ args }, address) => args.metrics = address,
  }),
  flag({
    names: ["--status"],
    value: listenAddress,
    help: "serve a status page on [127.0.0.1:]PORT",
    read: ({ args }, address) => args.status = address,
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

/**
 * The flags of the command line. All those of ssh are among them, so that a
 * command line can be taken over as it is, or the error says why not.
 */
export const flags: readonly Flag[] = [
  ...own,
  ...sshFlags,
  ...flagsWithoutEffect,
];
