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
import type { ConnectOptions, KeySource } from "./connect_options.ts";
import { shown } from "../text/shown.ts";

/** @throws {ArgumentError} that names the first option that cannot be used. */
export function checkOptions(options: ConnectOptions): void {
  checkHost("hostname", options.hostname);
  checkPort("port", options.port ?? 22);
  checkText("user", options.user, "user name");
  checkMs("connectTimeoutMs", options.connectTimeoutMs);
  checkMs("requestTimeoutMs", options.requestTimeoutMs);
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
