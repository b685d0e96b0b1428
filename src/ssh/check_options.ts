import { checkKinds, type Kinds } from "../check_kinds.ts";
import { ArgumentError } from "../errors.ts";
import {
  checkCount,
  checkHost,
  checkMs,
  checkPort,
  checkText,
} from "../validate.ts";
import { noDelayModes } from "./no_delay.ts";
import { startOf } from "./engine.ts";
import { nativeEngine } from "./native/native_engine.ts";
import type { Algorithms } from "./algorithms.ts";
import type {
  ConnectOptions,
  KeepaliveOptions,
  KeySource,
} from "./connect_options.ts";
import type { HostKeyPolicy } from "./host_keys/host_key_policy.ts";
import type { KnownHostsOptions } from "./host_keys/known_hosts/known_hosts_options.ts";
import type { RekeyLimit } from "./message_transport.ts";
import { shown } from "../text/shown.ts";

const connectKinds: Kinds<ConnectOptions> = {
  hostname: "any",
  port: "any",
  user: "any",
  addressFamily: "any",
  dial: "function",
  minRsaBits: "any",
  privateKeys: "any",
  certificates: "any",
  agent: "any",
  agentKeys: "any",
  keyboardInteractive: "function",
  password: "textOrFunction",
  changePassword: "function",
  maxPrompts: "any",
  hostKeys: "any",
  connectionAttempts: "any",
  connectTimeoutMs: "any",
  requestTimeoutMs: "any",
  keepalive: "any",
  noDelay: "any",
  algorithms: "any",
  rekey: "any",
  engine: "any",
  onBanner: "function",
  signal: "signal",
  logger: "logger",
};

const knownHostsKinds: Kinds<KnownHostsOptions> = {
  files: "list",
  text: "text",
  acceptNew: "booleanOrFunction",
  hashed: "boolean",
  alias: "text",
  revokedKeys: "list",
  authorityAlgorithms: "list",
  updateFiles: "list",
  acceptUpdate: "function",
};

const keepaliveKinds: Kinds<KeepaliveOptions> = {
  intervalMs: "any",
  countMax: "any",
};

const rekeyKinds: Kinds<RekeyLimit> = { bytes: "number", ms: "number" };

const algorithmKinds: Kinds<Algorithms> = {
  cipher: "list",
  kex: "list",
  serverHostKey: "list",
  mac: "list",
  compression: "list",
  userKey: "list",
};

/**
 * @param within The name of `options`, if they are a part of others.
 * @throws {ArgumentError} if one is misspelled, or is a function or not where it has to be.
 */
export function checkConnectKinds(
  options: ConnectOptions | Omit<ConnectOptions, "signal">,
  within?: string,
): void {
  // Records of servers may have more, such as a title.
  checkKinds<ConnectOptions>(options, connectKinds, within, "unlike");
}

/** @throws {ArgumentError} that names the first option that cannot be used. */
export function checkOptions(options: ConnectOptions): void {
  checkConnectKinds(options);
  checkHost("hostname", options.hostname);
  checkPort("port", options.port ?? 22);
  checkText("user", options.user, "user name");
  checkMs("connectTimeoutMs", options.connectTimeoutMs);
  checkMs("requestTimeoutMs", options.requestTimeoutMs);
  checkKinds(options.keepalive ?? {}, keepaliveKinds, "keepalive");
  checkKinds(options.rekey ?? {}, rekeyKinds, "rekey");
  checkKinds(options.algorithms ?? {}, algorithmKinds, "algorithms");
  checkHostKeys(options.hostKeys);
  checkMs("keepalive.intervalMs", options.keepalive?.intervalMs);
  checkCount("keepalive.countMax", options.keepalive?.countMax);
  checkCount("maxPrompts", options.maxPrompts);
  checkCount("connectionAttempts", options.connectionAttempts);
  checkCount("minRsaBits", options.minRsaBits);
  const { agent, addressFamily = 4, noDelay = "auto" } = options;
  if (!noDelayModes.includes(noDelay)) {
    throw new ArgumentError("noDelay", `use ${noDelayModes.join(", ")}`);
  }
  if (addressFamily !== 4 && addressFamily !== 6) {
    throw new ArgumentError("addressFamily", "use 4 or 6");
  }
  if (options.engine) startOf(options.engine); // throws if it is not an engine
  if (agent !== undefined && agent !== true) checkText("agent", agent, "path");
  checkKeys("privateKeys", options.privateKeys);
  checkKeys("certificates", options.certificates);
  checkKeys("agentKeys", options.agentKeys);
  const { supportedAlgorithms } = options.engine ?? nativeEngine;
  for (const [name, list] of Object.entries(options.algorithms ?? {})) {
    const known = supportedAlgorithms[name as keyof Algorithms] ?? [];
    checkNames(`algorithms.${name}`, list, known);
  }
}

function checkHostKeys(policy: HostKeyPolicy = {}): void {
  if (typeof policy === "function" || policy === "insecure-accept-any") return;
  if (typeof policy !== "string") {
    return checkKinds(policy, knownHostsKinds, "hostKeys");
  }
  throw new ArgumentError(
    "hostKeys",
    'use { files, … }, a function or "insecure-accept-any"',
  );
}

function checkKeys(argument: string, keys: readonly KeySource[] = []): void {
  if (!Array.isArray(keys)) {
    throw new ArgumentError(argument, "use a list of { file } or { text }");
  }
  for (const [i, key] of keys.entries()) checkKey(`${argument}[${i}]`, key);
}

/** Never show a key, nor a part of it. */
function checkKey(argument: string, key: KeySource): void {
  if (typeof key === "object" && key !== null) {
    if ("file" in key) {
      if (typeof key.file === "string" && key.file.includes("-----BEGIN")) {
        throw new ArgumentError(
          argument,
          "file is the text of a key, not a path; use { text }",
        );
      }
      return checkText(`${argument}.file`, key.file, "path");
    }
    if (typeof key.text === "string") return;
  }
  throw new ArgumentError(argument, "use { file } or { text }");
}

function checkNames(
  argument: string,
  names: readonly string[],
  known: readonly string[],
): void {
  if (names.length === 0) {
    throw new ArgumentError(argument, "use a list of at least one SSH name");
  }
  for (const name of names) {
    if (known.includes(name)) continue;
    throw new ArgumentError(
      argument,
      `${shown(name)} is not supported; use ${known.join(", ")}`,
    );
  }
}
