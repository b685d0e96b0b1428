import { ArgumentError } from "../errors.ts";
import { checkHost, checkMs, checkPort, checkText } from "../validate.ts";
import type { ConnectOptions, PrivateKey } from "./options.ts";

/** @throws {ArgumentError} that names the first option that cannot be used. */
export function checkOptions(options: ConnectOptions): void {
  checkHost("host", options.host);
  checkPort("port", options.port ?? 22);
  checkText("user", options.user, "user name");
  checkMs("connectTimeoutMs", options.connectTimeoutMs);
  checkMs("requestTimeoutMs", options.requestTimeoutMs);
  checkMs("keepalive.intervalMs", options.keepalive?.intervalMs);
  const countMax = options.keepalive?.countMax ?? 1;
  if (!Number.isInteger(countMax) || countMax < 1) {
    throw new ArgumentError("keepalive.countMax", "use a whole number from 1");
  }
  const { password, agent, dial, addressFamily = 4 } = options;
  if (addressFamily !== 4 && addressFamily !== 6) {
    throw new ArgumentError("addressFamily", "use 4 or 6");
  }
  if (dial !== undefined && typeof dial !== "function") {
    throw new ArgumentError("dial", "has to be a function");
  }
  if (password !== undefined && typeof password !== "string") {
    throw new ArgumentError("password", "has to be text");
  }
  if (agent !== undefined && agent !== true) checkText("agent", agent, "path");
  const { privateKeys = [] } = options;
  if (!Array.isArray(privateKeys)) {
    throw new ArgumentError("privateKeys", "has to be a list");
  }
  for (const [i, key] of privateKeys.entries()) {
    checkPrivateKey(`privateKeys[${i}]`, key);
  }
  for (const [name, list] of Object.entries(options.algorithms ?? {})) {
    checkNames(`algorithms.${name}`, list);
  }
}

/** A key is never shown, not even a part of it. */
function checkPrivateKey(argument: string, key: PrivateKey): void {
  if (typeof key === "object" && key !== null) {
    if ("file" in key) return checkText(`${argument}.file`, key.file, "path");
    if (typeof key.text === "string") return;
  }
  throw new ArgumentError(argument, "use { file } or { text }");
}

function checkNames(argument: string, names: unknown): void {
  const valid = names === undefined ||
    Array.isArray(names) && names.length > 0 &&
      names.every((name) => typeof name === "string");
  if (valid) return;
  throw new ArgumentError(argument, "use a list of at least one SSH name");
}
