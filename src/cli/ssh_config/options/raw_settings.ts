import type { Environment } from "../expand/expand.ts";
import type { ConfigLine } from "../reader/config_line.ts";
import type { Option, Written } from "./option.ts";
import { optionsByKeyword, type optionTable } from "./option_table.ts";

type Table = typeof optionTable;

/** What the values of an option are read as. */
type Read<K extends keyof Table> = Table[K] extends Option<infer T> ? T : never;

/** The values that were read so far and count. */
export class RawSettings {
  /** By the keys of their settings. */
  readonly values = new Map<string, readonly Written<unknown>[]>();

  /** The first value of an option. */
  first<K extends keyof Table>(key: K): Read<K> | undefined {
    return this.written(key)?.value;
  }

  /** The first value of an option, with its line. */
  written<K extends keyof Table>(key: K): Written<Read<K>> | undefined {
    return this.values.get(key)?.[0] as Written<Read<K>> | undefined;
  }

  /**
   * Reads the line of an option that has an effect.
   *
   * @param active Whether its block matches; other lines are only checked.
   * @param user Whether it comes from the command line or the user's configuration.
   * @returns false if it is of another option.
   * @throws {ArgumentError} if ssh would refuse it.
   */
  read(
    line: ConfigLine,
    active: boolean,
    user: boolean,
    env: Environment,
  ): boolean {
    const found = optionsByKeyword.get(line.keyword);
    if (!found) return false;
    const [key, option] = found;
    const value = option.parse(line, env);
    line.end();
    if (!active || value === undefined) return true;
    const written = { value, line, user };
    const before = this.values.get(key) ?? [];
    if (option.counts(written, before, this.values)) {
      this.values.set(key, [...before, written]);
    }
    return true;
  }
}
