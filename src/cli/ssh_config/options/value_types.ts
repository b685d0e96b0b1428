/** The kinds of values that options have; each refuses what ssh refuses. @module */

import { shown } from "../../../text/shown.ts";
import { parsePort } from "../../command_line/values/port.ts";
import type { ValueType } from "./option.ts";

/** The largest number that ssh takes, and the longest time in milliseconds that a timer takes. */
const MAX_INT = 2 ** 31 - 1;

/** One of some words, in any case. */
export function choice<const T>(
  values: Readonly<Record<string, T>>,
  print = (value: T): string => `${value}`,
): ValueType<T> {
  const byWord = new Map(Object.entries(values));
  return {
    parse(line) {
      const word = line.word();
      const value = byWord.get(word.toLowerCase());
      if (value !== undefined) return value;
      throw line.error(
        `cannot be ${shown(word)}; use ${[...byWord.keys()].join(", ")}`,
      );
    },
    print,
  };
}

/** `yes` or `no`, in any case. */
export const flag: ValueType<boolean> = choice(
  { yes: true, true: true, no: false, false: false },
  (value) => value ? "yes" : "no",
);

/** One word as it is. */
export const word: ValueType<string> = {
  parse: (line) => line.word(),
  print: (word) => word,
};

/** What follows the keyword as it is: a command. */
export const text: ValueType<string> = {
  parse: (line) => line.text(),
  print: (text) => text,
};

/** Words between commas. */
export const list: ValueType<readonly string[]> = {
  parse: (line) => line.word().split(","),
  print: (words) => words.join(","),
};

/** A whole number from 0 to 2147483647. */
export const integer: ValueType<number> = {
  parse(line) {
    const word = line.word();
    const value = /^\s*[+-]?\d+$/.test(word) ? Number(word) : NaN;
    if (value >= 0 && value <= MAX_INT) return value;
    throw line.error(`cannot be ${shown(word)}; use a whole number`);
  },
  print: String,
};

/** A port, or the name of a service. */
export const port: ValueType<number> = {
  parse(line) {
    const word = line.word();
    const value = parsePort(word);
    if (value) return value;
    throw line.error(`cannot be ${shown(word)}; use a number from 1 to 65535`);
  },
  print: String,
};

/**
 * A time as sshd_config(5), "TIME FORMATS" has it, e.g. `90` or `1m30s`, in
 * milliseconds; `none` leaves the option open to a later line.
 */
export const duration: ValueType<number> = {
  parse(line) {
    const word = line.word();
    if (word === "none") return undefined;
    const ms = toMs(word);
    if (ms !== undefined) return ms;
    throw line.error(`cannot be ${shown(word)}; use seconds, or e.g. 1m30s`);
  },
  print: (ms) => `${ms / 1000}`,
};

function toMs(text: string): number | undefined {
  const units: Record<string, number> = {
    s: 1,
    m: 60,
    h: 3600,
    d: 86400,
    w: 604800,
  };
  const parts = /^(?:\d+[smhdw]?)+$/i.test(text) ? text.match(/\d+\D?/g) : null;
  const seconds = parts?.map((part) =>
    parseInt(part) * (units[part.slice(-1).toLowerCase()] ?? 1)
  ).reduce((sum, seconds) => sum + seconds);
  return seconds !== undefined && seconds <= MAX_INT
    ? Math.min(seconds * 1000, MAX_INT)
    : undefined;
}

/** One or more files, or `none`. */
export const files: ValueType<readonly string[]> = {
  parse(line) {
    const words = line.words();
    const none = words.some((word) => word.toLowerCase() === "none");
    if (none && words.length > 1) throw line.error("takes none only alone");
    return words.length === 0 ? undefined : words;
  },
  print: (files) => files.length === 0 ? "none" : files.join(" "),
};
