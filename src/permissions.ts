/**
 * What to say where Deno does not permit something.
 *
 * @module
 */

import { RForwardError } from "./errors.ts";

/** The remedy, for a message. */
export function runDenoWith(...flags: readonly string[]): string {
  return `run deno with ${flags.join(" ")}`;
}

/** What is not permitted, and the remedy. */
export function mayNot(what: string, ...flags: readonly string[]): string {
  return `may not ${what}; ${runDenoWith(...flags)}`;
}

/** @throws {RForwardError} `permission-denied`, saying {@linkcode mayNot}, if Deno did not permit it. */
export function throwIfNotPermitted(
  cause: unknown,
  what: string,
  ...flags: readonly string[]
): void {
  if (!(cause instanceof Deno.errors.NotCapable)) return;
  throw new RForwardError("permission-denied", mayNot(what, ...flags), {
    cause,
  });
}

/** The flags that permit connecting to a Unix socket. */
export function unixSocketFlags(path: string): string[] {
  return [`net=unix:${path}`, `read=${path}`, `write=${path}`]
    .map((it) => `--allow-${it}`);
}
