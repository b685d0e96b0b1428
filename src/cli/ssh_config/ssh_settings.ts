import type { Option } from "./options/option.ts";
import type { optionTable } from "./options/option_table.ts";

type Table = typeof optionTable;

type Setting<K extends keyof Table> = Table[K] extends Option<infer _, infer V>
  ? V
  : never;

/** The settings that always have a value. */
type Present = {
  readonly [
    K in keyof Table as undefined extends Setting<K> ? never : K
  ]: Setting<K>;
};

/** The settings that are undefined unless they are configured. */
type Optional = {
  readonly [
    K in keyof Table as undefined extends Setting<K>
      ? [Setting<K>] extends [undefined] ? never : K
      : never
  ]?: Setting<K>;
};

/**
 * What ssh_config says about one destination: a setting for each option of
 * {@linkcode optionTable}, with tokens, `~` and variables expanded.
 */
export interface SshSettings extends Present, Optional {
  /** The destination's host as it was typed. */
  readonly host: string;
  /** Warnings about lines without effect, with file and line. */
  readonly warnings: readonly string[];
}
