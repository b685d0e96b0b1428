/** Checks of arguments, so that bad ones are named before anything is sent. @module */

import { ArgumentError } from "./errors.ts";
import { looksLikeKey, shown } from "./text/shown.ts";

/**
 * @param argument Its name, for the error.
 * @param zero What 0 means, if it may be given.
 * @throws {ArgumentError} unless `port` is a whole number from 1 to 65535, or 0 where that means something.
 */
export function checkPort(argument: string, port: number, zero?: string): void {
  if (port === 0 && zero !== undefined) return;
  if (Number.isInteger(port) && port >= 1 && port <= 65535) return;
  throw new ArgumentError(
    argument,
    `${shown(port)} is not a valid port; use a whole number from 1 to 65535${
      zero === undefined ? "" : `, or 0 ${zero}`
    }`,
  );
}

/** @throws {ArgumentError} unless `host` can be a host name or an address. */
export function checkHost(argument: string, host: string): void {
  if (typeof host === "string" && /^[^:]+:\d+$/.test(host)) {
    throw new ArgumentError(
      argument,
      `${shown(host)} has a port in it; give host and port apart`,
    );
  }
  // An IPv6 address has two colons at least, and a name has none.
  const isHost = /^(?![^:]*:[^:]*$)[^\s\p{Cc}]{1,255}$/u;
  if (typeof host === "string" && isHost.test(host)) return;
  throw new ArgumentError(
    argument,
    `${shown(host)} is not a valid host; use a name or an IP address`,
  );
}

/** @throws {ArgumentError} unless `text` has at least one character and none is NUL. */
export function checkText(argument: string, text: string, what: string): void {
  const isText = typeof text === "string" && text !== "" &&
    !text.includes("\0");
  if (isText && what === "path" && looksLikeKey(text)) {
    throw new ArgumentError(argument, "a path has no line ends; is it a key?");
  }
  if (isText) return;
  throw new ArgumentError(
    argument,
    `${
      shown(text)
    } is not a valid ${what}; use text that is not empty and has no NUL`,
  );
}

/** @throws {ArgumentError} unless it can hold options. */
export function checkObject(argument: string, value: unknown): void {
  if (typeof value === "object" && value && !Array.isArray(value)) return;
  throw new ArgumentError(argument, `cannot be ${shown(value)}; use an object`);
}

/**
 * Finds typing errors, which would silently have no effect. Objects of classes
 * may have more than is asked for.
 *
 * @throws {ArgumentError} if a plain object has a property that is not known.
 */
export function checkKeys(
  argument: string,
  value: object,
  known: readonly string[],
  ignored: readonly string[] = [],
): void {
  if (!isPlain(value)) return;
  for (const [key, it] of Object.entries(value)) {
    if (it === undefined || [...known, ...ignored].includes(key)) continue;
    throw new ArgumentError(
      `${argument}.${key}`,
      `there is no such option; use ${known.join(", ")}`,
    );
  }
}

/** Whether an object is of no class, as those written out and from JSON are. */
export function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** @throws {ArgumentError} unless `ms` is a time in milliseconds that a timer takes, or undefined. */
export function checkMs(
  argument: string,
  ms: number | undefined,
  least = 0,
): void {
  if (ms === undefined) return;
  if (typeof ms === "number" && ms >= least && ms < 2 ** 31) return;
  throw new ArgumentError(
    argument,
    `${
      shown(ms)
    } is not a valid time; use milliseconds from ${least} to 2147483647`,
  );
}

/** @throws {ArgumentError} unless `count` is a whole number in this range, or undefined. */
export function checkCount(
  argument: string,
  count: number | undefined,
  least = 1,
  most = Number.MAX_SAFE_INTEGER,
): void {
  if (count === undefined) return;
  if (Number.isInteger(count) && count >= least && count <= most) return;
  const range = most === Number.MAX_SAFE_INTEGER
    ? `from ${least}`
    : `from ${least} to ${most}`;
  throw new ArgumentError(
    argument,
    `cannot be ${shown(count)}; use a whole number ${range}`,
  );
}
