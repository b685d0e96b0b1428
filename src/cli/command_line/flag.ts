import { ArgumentError } from "../../errors.ts";
import { AddressRanges } from "../../forward/admission/address_ranges.ts";
import { shown } from "../../text/shown.ts";
import type { CommandLine } from "./command_line.ts";
import {
  type ListenAddress,
  parseListenAddress,
} from "./values/listen_address.ts";
import { parsePort } from "./values/port.ts";
import { parseTime } from "./values/time.ts";

/** The value of a flag. */
export interface FlagValue<T = string> {
  /** What help calls it, e.g. `"FILE"`. */
  readonly name: string;
  /** What a shell completes it with; nothing by default. */
  readonly complete?:
    | "files"
    | "users"
    | "hosts"
    | readonly string[]
    | undefined;
  /** More has to be typed after what was completed, so no space follows it. */
  readonly open?: true;
  /**
   * Reads it.
   *
   * @throws {ArgumentError} if it is not valid.
   */
  parse(text: string, flag: string): T;
}

/** An option of the command line: the parser, help and completions derive from it. */
export interface Flag {
  /** How it is written, e.g. `["-h", "--help"]`. */
  readonly names: readonly string[];
  /** Its value, if it takes one. */
  readonly value?: Omit<FlagValue, "parse"> | undefined;
  /** What it does, in half a line. Only flags without effect have none; help and completions leave them out. */
  readonly help?: string;
  /** It is about all forwards, or about one if it comes after its `-R`; help marks it. */
  readonly perForward?: true;
  /** It does the same in ssh, so help only names it. */
  readonly asInSsh?: true;
  /** The flags that contradict it. */
  readonly contradicts?: readonly string[];
  /** Applies it. */
  read(line: CommandLine, text: string, name: string): void;
}

/** A {@linkcode Flag} as it is written in the table: `read` receives the parsed value. */
type FlagEntry<T> = Omit<Flag, "value" | "read"> & {
  readonly value?: FlagValue<T> | undefined;
  read(line: CommandLine, value: T, name: string): void;
};

/** Turns an entry into a flag. */
function toFlag<T>(entry: FlagEntry<T>): Flag {
  const { value } = entry;
  return {
    ...entry,
    read: (line, text, name) =>
      entry.read(line, value?.parse(text, name) as T, name),
  };
}

/** A flag that has an effect. */
export function flag<T>(entry: FlagEntry<T> & { readonly help: string }): Flag {
  return toFlag(entry);
}

/** Flags of ssh that are accepted without effect; the note tells the user what is not done. */
export function ignored(
  names: string,
  note?: string,
  value?: FlagValue,
): Flag[] {
  return names.split(" ").map((name) =>
    toFlag({
      names: [name],
      value,
      read: (line) => note && line.notes.add(`${name}: ${note}`),
    })
  );
}

/** Flags of ssh that are an error, with the reason. */
export function refused(
  names: string,
  why: string,
  value?: FlagValue,
): Flag[] {
  return names.split(" ").map((name) =>
    toFlag({
      names: [name],
      value,
      read: () => {
        throw new ArgumentError(name, why);
      },
    })
  );
}

/** Any text. */
export function text(
  name: string,
  complete?: FlagValue["complete"],
): FlagValue {
  return { name, complete, parse: (text) => text };
}

/** A file. */
export const file: FlagValue = text("FILE", "files");

/** A time in milliseconds. */
export function time(leastMs = 0): FlagValue<number> {
  return {
    name: "TIME",
    parse: (text, flag) => parseTime(flag, text, leastMs),
  };
}

/** One of some words. */
export function choice<const T extends string>(
  name: string,
  words: readonly T[],
): FlagValue<T> {
  return {
    name,
    complete: words,
    parse: (text, flag) => {
      const word = words.find((word) => word === text);
      if (word !== undefined) return word;
      const others = words.slice(0, -1).join(", ");
      throw new ArgumentError(flag, `use ${others} or ${words.at(-1)}`);
    },
  };
}

/** A number from 1. */
export const count: FlagValue<number> = {
  name: "N",
  parse: (text, flag) => {
    if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
    throw new ArgumentError(
      flag,
      `${shown(text)} is not a whole number from 1`,
    );
  },
};

/** A number of bytes, with a suffix as in ssh_config's `RekeyLimit`. */
export const bytes: FlagValue<number> = {
  name: "BYTES",
  parse: (text, flag) => {
    const [, number = "", unit = ""] = /^([1-9]\d{0,8})([kmg]?)$/i.exec(text) ??
      [];
    const power = " kmg".indexOf(unit.toLowerCase() || " ");
    if (number !== "") return Number(number) * 1024 ** power;
    throw new ArgumentError(
      flag,
      `${shown(text)} is not a number of bytes, e.g. 500000, 512K or 10M`,
    );
  },
};

/** Some addresses. */
export const cidr: FlagValue = {
  name: "CIDR",
  parse: (text, flag) => {
    new AddressRanges(flag, [text]);
    return text;
  },
};

/** A port to connect to, or the name of a service. */
export const port: FlagValue<number> = {
  name: "PORT",
  parse: (text, flag) => {
    const port = parsePort(text);
    if (port) return port;
    throw new ArgumentError(
      flag,
      `${shown(text)} is not a valid port; use a number from 1 to 65535`,
    );
  },
};

/** Where a page is served here. */
export const listenAddress: FlagValue<ListenAddress> = {
  name: "PORT",
  parse: (text, flag) => parseListenAddress(flag, text),
};
