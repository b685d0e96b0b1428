import { nativeEngine } from "../../../ssh/native/native_engine.ts";
import { supportedAlgorithms as ssh2Algorithms } from "../../../ssh/ssh2/ssh2_algorithms.ts";
import { parseRemoteForward } from "../../command_line/forward_spec.ts";
import { checkAlgorithmNames } from "./algorithm_list.ts";
import type { ConfigLine } from "../reader/config_line.ts";
import { expandVariables } from "../expand/expand.ts";
import {
  choice,
  duration,
  files,
  flag,
  integer,
  list,
  port,
  word,
} from "./option_values.ts";
import { opensshAlgorithms } from "./openssh_algorithms.ts";
import { parseProxyJump } from "./proxy_jump.ts";
import type {
  PlainSettings,
  RawSettings,
  UnfinishedSettings,
  Written,
} from "./raw_settings.ts";
import { shown } from "../../../text/shown.ts";

/** Where a line comes from, and whether it counts. */
export interface LineContext {
  /** Whether it is in a block that matches. Lines of other blocks are checked, too. */
  readonly active: boolean;
  /** Whether the user wrote it: it is of the command line or of the user's configuration. */
  readonly user: boolean;
  /** Looks up an environment variable. */
  readonly env: (name: string) => string | undefined;
}

/** Reads a line of one option into the settings. */
export type Option = (
  line: ConfigLine,
  settings: RawSettings,
  context: LineContext,
) => void;

/** An option that has one value, the first that is read. */
function once<K extends keyof PlainSettings>(
  key: K,
  parse: (line: ConfigLine) => PlainSettings[K],
): Option {
  return (line, { plain }, { active }) => {
    const value = parse(line);
    if (active && value !== undefined) plain[key] ??= value;
  };
}

/** As {@linkcode once}, of a value that something is still to be done with. */
function unfinished<K extends keyof UnfinishedSettings>(
  key: K,
  parse: (line: ConfigLine) => UnfinishedSettings[K] | undefined,
): Option {
  return (line, { first }, { active }) => {
    const value = parse(line);
    if (active && value !== undefined) first[key] ??= value;
  };
}

/** A parser that keeps the line, too. */
function written<T>(
  parse: (line: ConfigLine) => T | undefined,
): (line: ConfigLine) => Written<T> | undefined {
  return (line) => {
    const value = parse(line);
    return value === undefined ? undefined : { value, line };
  };
}

const logLevel = choice({
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
});

const pubkeyAuthentication = choice({
  yes: true,
  true: true,
  unbound: true,
  "host-bound": true,
  no: false,
  false: false,
});

/** A list of algorithms: a name that neither ssh nor this program knows is a mistake. */
function algorithms(
  kind: keyof typeof opensshAlgorithms,
): (line: ConfigLine) => string {
  const known = [
    ...opensshAlgorithms[kind],
    ...nativeEngine.supportedAlgorithms[kind],
    ...ssh2Algorithms[kind],
  ];
  return (line) => {
    const list = line.word();
    checkAlgorithmNames(line, list, known);
    return list;
  };
}

/** `RekeyLimit`, an amount of data and perhaps a time; each is set by the first line that has it. */
const rekeyLimit: Option = (line, { plain }, { active }) => {
  const amount = line.word();
  const valid = amount === "default" || amount === "0" ||
    /^(\d+[kmgt]|\d{3,}|1[6-9]|[2-9]\d)$/i.test(amount);
  if (!valid) {
    throw line.error(
      `cannot be ${shown(amount)}; use bytes from 16, e.g. 512M or 1G`,
    );
  }
  const ms = line.hasMore ? duration(line) : undefined;
  if (!active) return;
  plain.rekeyBytes ??= toBytes(amount);
  if (ms !== undefined) plain.rekeyMs ??= ms;
};

/** @returns 0 for `default`. */
function toBytes(amount: string): number {
  const power = "kmgt".indexOf(amount.at(-1)!.toLowerCase()) + 1;
  return amount === "default" ? 0 : parseInt(amount) * 1024 ** power;
}

const connectionAttempts: Option = (line, settings, context) => {
  once("connectionAttempts", integer)(line, settings, context);
  if (settings.plain.connectionAttempts !== 0) return;
  throw line.error("cannot be 0; use 1 or more");
};

const identityFile: Option = (line, { identityFiles }, { active, user }) => {
  const value = line.word();
  const known = identityFiles.some((file) =>
    file.value === value && file.explicit === user
  );
  if (active && !known) identityFiles.push({ value, line, explicit: user });
};

const certificateFile: Option = (line, { certificateFiles }, { active }) => {
  const value = line.word();
  const known = certificateFiles.some((file) => file.value === value);
  if (active && !known) certificateFiles.push({ value, line });
};

const identityAgent: Option = (line, settings, context) => {
  const value = line.word();
  expandVariables(value, line, context.env);
  if (/^\$(?!\{|\w+$)/.test(value)) {
    throw line.error(`cannot be ${shown(value)}; use $NAME or a path`);
  }
  if (context.active) settings.first.identityAgent ??= { value, line };
};

const proxyCommand: Option = (line, { first }, { active }) => {
  const value = line.text();
  // The first of both counts; but `ProxyJump none` bars only a later ProxyJump.
  const jumps = first.proxyJump?.value.length ?? 0;
  if (active && jumps === 0) first.proxyCommand ??= { value, line };
};

const remoteCommand: Option = (line, { first }, { active }) => {
  const value = line.text();
  if (active) first.remoteCommand ??= { value, line };
};

const proxyJump: Option = (line, { first }, { active }) => {
  const value = parseProxyJump(line);
  if (active && !first.proxyCommand) first.proxyJump ??= { value, line };
};

const remoteForward: Option = (line, { remoteForwards }, context) => {
  const value = expandVariables(line.word(), line, context.env);
  const second = line.next();
  const connect = second && expandVariables(second, line, context.env);
  // Without a second end it is a SOCKS proxy, which ssh takes.
  if (connect) {
    parseRemoteForward({ listen: value, connect, where: line.where });
  }
  const known = remoteForwards.some((forward) =>
    forward.value === value && forward.connect === connect
  );
  if (!context.active || known) return;
  remoteForwards.push({ value, line, ...connect && { connect } });
};

/** The options that have a meaning here, by their names as ssh_config(5) writes them. */
const byName: Record<string, Option> = {
  AddressFamily: once(
    "addressFamily",
    choice({ any: "any", inet: "inet", inet6: "inet6" }),
  ),
  BatchMode: once("batchMode", flag),
  BindAddress: once("bindAddress", word),
  CanonicalizeHostname: unfinished(
    "canonicalizeHostname",
    written(
      choice({
        yes: true,
        true: true,
        always: true,
        no: false,
        false: false,
      }),
    ),
  ),
  CASignatureAlgorithms: once(
    "caSignatureAlgorithms",
    algorithms("serverHostKey"),
  ),
  CertificateFile: certificateFile,
  ChallengeResponseAuthentication: once("kbdInteractiveAuthentication", flag),
  Ciphers: once("ciphers", algorithms("cipher")),
  ClearAllForwardings: once("clearAllForwardings", flag),
  Compression: once("compression", flag),
  ConnectionAttempts: connectionAttempts,
  ConnectTimeout: once("connectTimeoutMs", duration),
  DSAAuthentication: once("pubkeyAuthentication", pubkeyAuthentication),
  ExitOnForwardFailure: once("exitOnForwardFailure", flag),
  GlobalKnownHostsFile: unfinished("globalKnownHostsFiles", written(files)),
  HashKnownHosts: once("hashKnownHosts", flag),
  HostKeyAlgorithms: once("hostKeyAlgorithms", algorithms("serverHostKey")),
  HostKeyAlias: once("hostKeyAlias", (line) => line.word().toLowerCase()),
  HostName: unfinished("hostName", written(word)),
  IdentitiesOnly: once("identitiesOnly", flag),
  IdentityAgent: identityAgent,
  IdentityFile: identityFile,
  IdentityFile2: identityFile,
  IgnoreUnknown: unfinished("ignoreUnknown", written(word)),
  KbdInteractiveAuthentication: once("kbdInteractiveAuthentication", flag),
  KeepAlive: once("tcpKeepAlive", flag),
  KexAlgorithms: once("kexAlgorithms", algorithms("kex")),
  LogLevel: once("logLevel", logLevel),
  MACs: once("macs", algorithms("mac")),
  NumberOfPasswordPrompts: once("numberOfPasswordPrompts", integer),
  PasswordAuthentication: once("passwordAuthentication", flag),
  Port: once("port", port),
  PreferredAuthentications: once("preferredAuthentications", list),
  ProxyCommand: proxyCommand,
  ProxyJump: proxyJump,
  PubkeyAcceptedAlgorithms: once(
    "pubkeyAcceptedAlgorithms",
    algorithms("userKey"),
  ),
  PubkeyAcceptedKeyTypes: once(
    "pubkeyAcceptedAlgorithms",
    algorithms("userKey"),
  ),
  PubkeyAuthentication: once("pubkeyAuthentication", pubkeyAuthentication),
  RekeyLimit: rekeyLimit,
  RemoteCommand: remoteCommand,
  RemoteForward: remoteForward,
  RevokedHostKeys: unfinished("revokedHostKeys", written(word)),
  ServerAliveCountMax: once("serverAliveCountMax", integer),
  ServerAliveInterval: once("serverAliveIntervalMs", duration),
  RequiredRSASize: once("requiredRsaSize", integer),
  SessionType: once(
    "sessionType",
    choice({ none: "none", subsystem: "subsystem", default: "default" }),
  ),
  SkeyAuthentication: once("kbdInteractiveAuthentication", flag),
  StreamLocalBindUnlink: once("streamLocalBindUnlink", flag),
  StrictHostKeyChecking: once(
    "strictHostKeyChecking",
    choice({
      yes: "yes",
      true: "yes",
      no: "no",
      false: "no",
      off: "no",
      ask: "ask",
      "accept-new": "accept-new",
    }),
  ),
  TCPKeepAlive: once("tcpKeepAlive", flag),
  TISAuthentication: once("kbdInteractiveAuthentication", flag),
  UpdateHostKeys: once(
    "updateHostKeys",
    choice({
      yes: "yes",
      true: "yes",
      no: "no",
      false: "no",
      ask: "ask",
    }),
  ),
  User: once("user", word),
  UserKnownHostsFile: unfinished("userKnownHostsFiles", written(files)),
};

/** The options that have a meaning here, by their keywords in lower case. */
export const options: ReadonlyMap<string, Option> = new Map(
  Object.entries(byName).map(([name, option]) => [name.toLowerCase(), option]),
);

/** Their names as ssh_config(5) writes them. */
export const optionNames: readonly string[] = Object.keys(byName);
