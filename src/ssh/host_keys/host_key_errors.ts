/**
 * The messages about a host key that was not accepted.
 *
 * @module
 */

import {
  HostKeyError,
  type HostKeyLocation,
  type HostKeyProblem,
} from "../../errors.ts";
import { quote } from "../../quote.ts";
import type { HostKey } from "./host_key.ts";
import { fingerprint } from "../keys/public/key_blob.ts";
import {
  type KnownHostsLine,
  knownHostsName,
  textSource,
} from "./known_hosts/known_hosts_file.ts";

/** What a program can do about a new key; a command has its own advice. */
export const acceptNewAdvice =
  "or set acceptNew to accept what an unknown host shows";

/**
 * The key, its certificate, or the authority that signed it is revoked.
 *
 * @param locations The lines that say so.
 * @param what What is revoked; the key by default.
 */
export function revokedError(
  name: string,
  key: HostKey,
  locations: readonly HostKeyLocation[],
  what?: string,
): HostKeyError {
  return hostKeyError("revoked", name, key, locations, [
    `${name} showed ${describe(key)},`,
    `${what === undefined ? "which" : `and ${what}`} is REVOKED at ${
      placesOf(locations)
    }.`,
    "Whoever stole that key can pose as the server.",
    "Do not connect before the server's administrator has given it a new one.",
  ]);
}

/**
 * The lines that name the host hold other keys.
 *
 * @param certificate A sentence about its certificate, where one came or could have.
 */
export function changedError(
  name: string,
  key: HostKey,
  lines: readonly KnownHostsLine[],
  certificate?: string,
): HostKeyError {
  const known = lines.map((line) =>
    `${line.file}:${line.line} (${line.type} ${fingerprint(line.data)})`
  );
  const removals = [...new Set(lines.map((line) => line.file))].map((file) =>
    file === textSource
      ? "correct the known_hosts text"
      : `run: ssh-keygen -R ${quote(name)} -f ${quote(file)}`
  );
  return hostKeyError("changed", name, key, lines, [
    `The host key of ${name} has CHANGED: it showed ${describe(key)},`,
    `but known is ${known.join(", ")}.`,
    ...certificate === undefined ? [] : [certificate],
    "This may be an attack: someone may have come between you and the server.",
    "Ask the server's administrator for the fingerprint of its present key;",
    "only if it is the one shown, forget the old key",
    `(${removals.join("; ")}) and add the new one.`,
  ]);
}

/**
 * No line names the host with a key.
 *
 * @param name The name that the lines would hold.
 * @param certificate A sentence about its certificate, where one came or could have.
 * @param isDirect Whether ssh-keyscan can reach it from here.
 */
export function unknownError(
  name: string,
  key: HostKey,
  files: readonly string[],
  certificate: string | undefined,
  isDirect: boolean,
): HostKeyError {
  const [file] = files;
  const target = ` >> ${file === undefined ? "known_hosts" : quote(file)}`;
  const add = isDirect && name === nameOf(key)
    ? `run: ssh-keyscan -p ${key.port} ${quote(key.hostname)}${target}`
    : `as a line: ${name} ${key.type} ${key.data.toBase64()}`;
  return hostKeyError("unknown", name, key, [], [
    `The host key of ${name} is not known: it showed ${describe(key)},`,
    `and no line of ${files.join(" or ") || "known_hosts"} names it.`,
    ...certificate === undefined ? [] : [certificate],
    "Ask the server's administrator for the fingerprint of its key; only if",
    "it is the one shown, add the key",
    certificate === undefined ? `(${add}) ${acceptNewAdvice}.` : `(${add}).`,
  ]);
}

/** An RSA key has fewer bits than are required. */
export function smallKeyError(
  key: HostKey,
  bits: number,
  minBits: number,
): HostKeyError {
  return hostKeyError("rejected", nameOf(key), key, [], [
    `${describe(key)} of ${nameOf(key)} has ${bits} bits,`,
    `at least ${minBits} are required (minRsaBits; OpenSSH: RequiredRSASize).`,
  ]);
}

/** The user's own verifier did not accept the key. */
export function rejectedError(
  key: HostKey,
  options?: ErrorOptions,
): HostKeyError {
  const verdict = options === undefined ? "did not accept" : "threw on";
  return hostKeyError("rejected", nameOf(key), key, [], [
    `The host key verifier ${verdict} ${describe(key)} of ${nameOf(key)}.`,
  ], options);
}

function hostKeyError(
  reason: HostKeyProblem,
  host: string,
  key: HostKey,
  places: readonly HostKeyLocation[],
  message: string[],
  options?: ErrorOptions,
): HostKeyError {
  const { fingerprint, type: keyType } = key;
  const locations = places.map(({ file, line }) => ({ file, line }));
  return new HostKeyError(
    reason,
    { host, fingerprint, keyType, locations },
    message.join(" "),
    options,
  );
}

function nameOf(key: HostKey): string {
  return knownHostsName(key.hostname, key.port);
}

function describe(key: HostKey): string {
  return `the ${key.type} key ${key.fingerprint}`;
}

/** A location, for a message. */
export function placesOf(locations: readonly HostKeyLocation[]): string {
  return locations.map(({ file, line }) =>
    line === 0 ? file : `${file}:${line}`
  )
    .join(", ");
}
