/**
 * To add an option, add it to `optionTable` below: its keyword, and how it is parsed, expanded and printed. The type of
 * the settings, the reader, `-G`, `Options of ssh_config` in docs/command.md (a test compares) and completions follow.
 *
 * @module
 */

import { expandCommand, isNone } from "../expand/expand_values.ts";
import { algorithms } from "./algorithms.ts";
import { certificateFiles, identityAgent, identityFiles } from "./key_files.ts";
import {
  globalKnownHostsFiles,
  userKnownHostsFiles,
} from "./known_hosts_files.ts";
import { internal, once, type Option } from "./option.ts";
import { permitRemoteOpen } from "./permit_remote_open.ts";
import { proxyCommand, proxyJump } from "./proxy.ts";
import { rekeyLimit } from "./rekey_limit.ts";
import { remoteForwards } from "./remote_forwards.ts";
import {
  choice,
  duration,
  flag,
  integer,
  list,
  port,
  text,
  word,
} from "./value_types.ts";

/** The options that have an effect, by the key of their setting, in the order of `-G`. */
export const optionTable = {
  /** The user on the server; the local user's name by default. */
  user: once("User", word, (_, { user }) => user),
  /** The host to connect to, in lower case; an address in its usual form. */
  hostName: once("HostName", word, (_, { hostName }) => hostName),
  /** 22 by default. */
  port: once("Port", port, (_, { port }) => port),

  /** Which addresses to use. */
  addressFamily: once(
    "AddressFamily",
    choice({ any: "any", inet: "inet", inet6: "inet6" }),
  ),
  /** Ask the user nothing. */
  batchMode: once("BatchMode", flag),
  /** The local address to connect from. */
  bindAddress: once("BindAddress", word),
  /** Whether everything is read a second time. */
  canonicalizeHostname: internal(
    "CanonicalizeHostname",
    choice({ yes: true, true: true, always: true, no: false, false: false }),
  ),
  /** As written, for `applyAlgorithmList()`. */
  caSignatureAlgorithms: once(
    "CASignatureAlgorithms",
    algorithms("serverHostKey"),
  ),
  /** Certificates, in order. */
  certificateFiles,
  /** As written, for `applyAlgorithmList()`. */
  ciphers: once("Ciphers", algorithms("cipher")),
  /** Drop all forwards, those of the command line too. */
  clearAllForwardings: once("ClearAllForwardings", flag),
  /** Whether to compress the connection. */
  compression: once("Compression", flag),
  /** How often to try, a second apart; at least 1. */
  connectionAttempts: once("ConnectionAttempts", integer, (attempts) => {
    if (attempts?.value !== 0) return attempts?.value;
    throw attempts.line.error("cannot be 0; use 1 or more");
  }),
  /** How long connecting may take, in milliseconds; 0 for the system's own limit. */
  connectTimeoutMs: once("ConnectTimeout", duration),
  /** End if a forward cannot be bound. */
  exitOnForwardFailure: once("ExitOnForwardFailure", flag),
  /** The system's known_hosts files; ssh's by default, empty for `none`. */
  globalKnownHostsFiles,
  /** Whether to hash names that are added to known_hosts. */
  hashKnownHosts: once("HashKnownHosts", flag),
  /** As written, for `applyAlgorithmList()`. */
  hostKeyAlgorithms: once("HostKeyAlgorithms", algorithms("serverHostKey")),
  /** The name to look up in known_hosts instead of the host's. */
  hostKeyAlias: once(
    "HostKeyAlias",
    { ...word, parse: (line) => line.word().toLowerCase() },
  ),
  /** Use no keys of the agent but those of `identityFiles` and `certificateFiles`. */
  identitiesOnly: once("IdentitiesOnly", flag),
  /** The agent's socket: `IdentityAgent`, else `SSH_AUTH_SOCK`; undefined for no agent. */
  identityAgent,
  /** Private keys, in order; ssh's default ones if none is named, empty for `none`. */
  identityFiles,
  /** Patterns of keywords that are no error though ssh does not know them. */
  ignoreUnknown: internal("IgnoreUnknown", word),
  /** Whether to answer questions of the server. */
  kbdInteractiveAuthentication: once(
    "KbdInteractiveAuthentication ChallengeResponseAuthentication SkeyAuthentication TISAuthentication",
    flag,
  ),
  /** As written, for `applyAlgorithmList()`. */
  kexAlgorithms: once("KexAlgorithms", algorithms("kex")),
  /** How much to log. */
  logLevel: once(
    "LogLevel",
    choice({
      quiet: "QUIET",
      silent: "QUIET",
      fatal: "FATAL",
      error: "ERROR",
      info: "INFO",
      verbose: "VERBOSE",
      debug: "DEBUG1",
      debug1: "DEBUG1",
      debug2: "DEBUG2",
      debug3: "DEBUG3",
    }, (level) => level === "DEBUG1" ? "DEBUG" : level),
  ),
  /** As written, for `applyAlgorithmList()`. */
  macs: once("MACs", algorithms("mac")),
  /** How often to ask for a password. */
  numberOfPasswordPrompts: once("NumberOfPasswordPrompts", integer),
  /** Whether to log in by password. */
  passwordAuthentication: once("PasswordAuthentication", flag),
  /** Where clients of a SOCKS proxy (`RemoteForward port`) may connect to; ssh's default is `any`. */
  permitRemoteOpen,
  /** Methods to log in, best first. */
  preferredAuthentications: once("PreferredAuthentications", list),
  /** A shell command whose standard input and output are the connection. Never set together with `proxyJump`. */
  proxyCommand,
  /**
   * Servers to go through, in order. As in ssh, the configuration of each
   * (resolved without this destination's `-o` options) counts, but of their
   * `proxyJump` only that of the first.
   */
  proxyJump,
  /** As written, for `applyAlgorithmList()`. */
  pubkeyAcceptedAlgorithms: once(
    "PubkeyAcceptedAlgorithms PubkeyAcceptedKeyTypes",
    algorithms("userKey"),
  ),
  /** Whether to log in by key. */
  pubkeyAuthentication: once(
    "PubkeyAuthentication DSAAuthentication",
    choice({
      yes: true,
      true: true,
      unbound: true,
      "host-bound": true,
      no: false,
      false: false,
    }, flag.print),
  ),
  /** When to exchange keys again. */
  rekeyLimit,
  /** What to run on the server instead of the user's shell. */
  remoteCommand: once(
    "RemoteCommand",
    text,
    (command, { tokens }) => expandCommand(command, tokens),
  ),
  /** In order, without duplicates; empty if `clearAllForwardings`. */
  remoteForwards,
  /** The fewest bits of RSA keys. */
  requiredRsaSize: once("RequiredRSASize", integer),
  /** A file of host keys to refuse; if it cannot be read, all are refused. */
  revokedHostKeys: once(
    "RevokedHostKeys",
    word,
    (file) => file && !isNone(file) ? file.value : undefined,
  ),
  /** How many keepalive requests may stay unanswered. */
  serverAliveCountMax: once("ServerAliveCountMax", integer),
  /** After how much silence to send a keepalive request, in milliseconds; 0 for never. */
  serverAliveIntervalMs: once("ServerAliveInterval", duration),
  /** What the connection is for besides forwards: `none` for nothing (`-N`). */
  sessionType: once(
    "SessionType",
    choice({ none: "none", subsystem: "subsystem", default: "default" }),
  ),
  /** Remove a local socket file that is in the way. */
  streamLocalBindUnlink: once("StreamLocalBindUnlink", flag),
  /** What to do about unknown host keys; `off` is `no`. */
  strictHostKeyChecking: once(
    "StrictHostKeyChecking",
    choice({
      yes: "yes",
      true: "yes",
      no: "no",
      false: "no",
      off: "no",
      ask: "ask",
      "accept-new": "accept-new",
    }, printChecking),
  ),
  /** TCP's own keepalive. */
  tcpKeepAlive: once("TCPKeepAlive KeepAlive", flag),
  /** Whether to learn further keys of a known server; as in ssh, not by default if the user chose `userKnownHostsFiles`. */
  updateHostKeys: once(
    "UpdateHostKeys",
    choice(
      { yes: "yes", true: "yes", no: "no", false: "no", ask: "ask" },
      printChecking,
    ),
    (update, { values }) =>
      update?.value ?? (values.has("userKnownHostsFiles") ? "no" : "yes"),
  ),
  /** The user's known_hosts files; ssh's by default, empty for `none`. The first is where new keys are added. */
  userKnownHostsFiles,
} as const;

/** The options by their keywords in lower case, with the keys of their settings. */
export const optionsByKeyword: ReadonlyMap<string, readonly [string, Option]> =
  new Map(
    Object.entries<Option>(optionTable).flatMap(([key, option]) =>
      option.keywords.map((name) => [name.toLowerCase(), [key, option]])
    ),
  );

/** Their keywords as ssh_config(5) writes them, with former ones. */
export const optionNames: readonly string[] = Object.values<Option>(optionTable)
  .flatMap(({ keywords }) => keywords);

function printChecking(value: string): string {
  return value === "yes" ? "true" : value === "no" ? "false" : value;
}
