import type { Environment, Tokens } from "../expand/expand.ts";
import type { LocalMachine } from "../local_machine.ts";
import type { ConfigLine } from "../reader/config_line.ts";

/** A value as it was read, before tokens, `~` and variables are expanded. */
export interface Written<T> {
  readonly value: T;
  /** Its line. */
  readonly line: ConfigLine;
  /** Whether it comes from the command line or the user's configuration, not the system's. */
  readonly user: boolean;
}

/** The values that count, by the key of their option. */
export type WrittenValues = ReadonlyMap<string, readonly Written<unknown>[]>;

/** What values can be expanded with. */
export interface Scope {
  readonly machine: LocalMachine;
  readonly tokens: Tokens;
  /** The host to connect to. */
  readonly hostName: string;
  readonly user: string;
  readonly port: number;
  readonly values: WrittenValues;
}

/** How values of a kind are read from a line, and printed as `ssh -G` does. */
export interface ValueType<T> {
  /**
   * @returns undefined if the option stays open to a later line.
   * @throws {ArgumentError} if ssh would refuse it.
   */
  parse(line: ConfigLine, env: Environment): T | undefined;
  print(value: T): string;
}

/** An option of ssh_config: the settings, the reader and `-G` derive from it. */
export interface Option<T = unknown, V = unknown> {
  /** Its keyword as ssh_config(5) writes it, and former ones. */
  readonly keywords: readonly string[];
  /** See {@linkcode ValueType}. */
  parse(line: ConfigLine, env: Environment): T | undefined;
  /** Whether a value counts after those before it. */
  counts(
    value: Written<T>,
    before: readonly Written<T>[],
    all: WrittenValues,
  ): boolean;
  /**
   * The setting from all values; undefined without a value.
   *
   * @throws {ArgumentError} if a value cannot be expanded.
   */
  expand(values: readonly Written<T>[], scope: Scope): V | Promise<V>;
  /** The setting as `ssh -G` prints it: a line for each text. */
  print(setting: NonNullable<V>): string | readonly string[];
}

/**
 * An option with one value, the first that is read.
 *
 * @param keywords Between spaces.
 * @param expand By default the setting is the value as it was read.
 */
export function once<T, V extends T | undefined = T | undefined>(
  keywords: string,
  type: ValueType<T>,
  expand?: (first: Written<T> | undefined, scope: Scope) => V | Promise<V>,
): Option<T, V> {
  return {
    keywords: keywords.split(" "),
    parse: (line, env) => type.parse(line, env),
    counts: (_, before) => before.length === 0,
    expand: ([first], scope) =>
      expand ? expand(first, scope) : first?.value as V,
    print: (setting) => type.print(setting as T),
  };
}

/**
 * An option with several values: each that differs from those before it counts.
 *
 * @param keywords Between spaces.
 */
export function each<T, V>(
  keywords: string,
  { isSame, ...rest }:
    & Pick<Option<T, V>, "parse" | "expand" | "print">
    & { isSame: (a: Written<T>, b: Written<T>) => boolean },
): Option<T, V> {
  return {
    keywords: keywords.split(" "),
    counts: (value, before) => !before.some((other) => isSame(value, other)),
    ...rest,
  };
}

/** An option that only the reader needs: there is no setting of it. */
export function internal<T>(
  keywords: string,
  type: ValueType<T>,
): Option<T, undefined> {
  return { ...once(keywords, type), expand: () => undefined };
}
