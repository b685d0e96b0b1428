/** What options have for values: each reads it from a line, and refuses what ssh refuses. @module */

import { parsePort } from "../../command_line/port.ts";
import type { ConfigLine } from "../reader/config_line.ts";
import { shown } from "../../../text/shown.ts";

/** The largest number that ssh takes, and the longest time in milliseconds that a timer takes. */
const MAX_INT = 2 ** 31 - 1;

/** `yes` or `no`, in any case. */
export function flag(line: ConfigLine): boolean {
  return choice({ yes: true, true: true, no: false, false: false })(line);
}

/** One of some words, in any case. */
export function choice<const T>(
  values: Readonly<Record<string, T>>,
): (line: ConfigLine) => T {
  const byWord = new Map(Object.entries(values));
  return (line) => {
    const word = line.word();
    const value = byWord.get(word.toLowerCase());
    if (value !== undefined) return value;
    throw line.error(
      `cannot be ${shown(word)}; use ${[...byWord.keys()].join(", ")}`,
    );
  };
}

/** One word as it is. */
export function word(line: ConfigLine): string {
  return line.word();
}

/** Words between commas. */
export function list(line: ConfigLine): string[] {
  return line.word().split(",");
}

/** A whole number from 0 to 2147483647. */
export function integer(line: ConfigLine): number {
  const word = line.word();
  const value = /^\s*[+-]?\d+$/.test(word) ? Number(word) : NaN;
  if (value >= 0 && value <= MAX_INT) return value;
  throw line.error(`cannot be ${shown(word)}; use a whole number`);
}

/** A port, or the name of a service. */
export function port(line: ConfigLine): number {
  const word = line.word();
  const value = parsePort(word);
  if (value) return value;
  throw line.error(
    `cannot be ${shown(word)}; use a number from 1 to 65535`,
  );
}

/**
 * A time as sshd_config(5), "TIME FORMATS" has it: `90`, `1m30s`.
 *
 * @returns milliseconds; undefined for `none`, which leaves the option open to a later line.
 */
export function duration(line: ConfigLine): number | undefined {
  const word = line.word();
  if (word === "none") return undefined;
  const units: Record<string, number> = {
    s: 1,
    m: 60,
    h: 3600,
    d: 86400,
    w: 604800,
  };
  const parts = /^(?:\d+[smhdw]?)+$/i.test(word) ? word.match(/\d+\D?/g) : null;
  const seconds = parts?.map((part) =>
    parseInt(part) * (units[part.slice(-1).toLowerCase()] ?? 1)
  ).reduce((sum, seconds) => sum + seconds);
  if (seconds !== undefined && seconds <= MAX_INT) {
    return Math.min(seconds * 1000, MAX_INT);
  }
  throw line.error(
    `cannot be ${shown(word)}; use seconds, or e.g. 1m30s`,
  );
}

/** One or more files, or `none`. */
export function files(line: ConfigLine): string[] | undefined {
  const words = line.words();
  const none = words.some((word) => word.toLowerCase() === "none");
  if (none && words.length > 1) throw line.error("takes none only alone");
  return words.length === 0 ? undefined : words;
}
