import { ArgumentError } from "../../../errors.ts";
import type { ConfigLine } from "../reader/config_line.ts";
import { matchesPatternList } from "../reader/patterns.ts";
import { shown } from "../../../text/shown.ts";

/**
 * Checks the names in a list of algorithms. As in ssh, names after `-` are not
 * checked.
 *
 * @param known The names that ssh or this program knows.
 * @throws {ArgumentError} if a name or pattern matches none of them.
 */
export function checkAlgorithmNames(
  line: ConfigLine,
  list: string,
  known: readonly string[],
): void {
  if (list.startsWith("-")) return;
  for (const pattern of list.replace(/^[+^]/, "").split(",")) {
    if (pattern === "") continue;
    if (known.some((name) => matchesPatternList(name, pattern))) continue;
    throw line.error(
      `has ${shown(pattern)}, and there is no such algorithm`,
    );
  }
}

/**
 * The algorithms that `Ciphers`, `MACs`, `KexAlgorithms` or
 * `HostKeyAlgorithms` select: a list separated by commas that replaces the
 * default, or after `+` is appended to it, after `-` removed from it, and after
 * `^` put before it. Names may be patterns. Unsupported names are left out.
 *
 * @param option The option's name, for the error.
 * @param list Its value; undefined for the default.
 * @param defaults The default.
 * @param supported All supported names; the default ones by default.
 * @throws {ArgumentError} if nothing is left.
 *
 * @example
 * ```ts
 * import { applyAlgorithmList } from "./algorithm_list.ts";
 *
 * applyAlgorithmList("Ciphers", "^aes*", ["chacha20", "aes128-ctr"]);
 * // ["aes128-ctr", "chacha20"]
 * ```
 */
export function applyAlgorithmList(
  option: string,
  list: string | undefined,
  defaults: readonly string[],
  supported: readonly string[] = defaults,
): string[] {
  if (list === undefined) return [...defaults];
  const sign = /^[-+^]/.exec(list)?.[0];
  const named = sign ? list.slice(1) : list;
  if (sign === "-") {
    return checked(defaults.filter((name) => !matchesPatternList(name, named)));
  }
  const chosen = named.split(",").flatMap((pattern) =>
    supported.filter((name) => matchesPatternList(name, pattern))
  );
  const all = sign === "+"
    ? [...defaults, ...chosen]
    : sign === "^"
    ? [...chosen, ...defaults]
    : chosen;
  return checked([...new Set(all)]);

  function checked(names: string[]): string[] {
    if (names.length > 0) return names;
    throw new ArgumentError(
      option,
      `${shown(list)} leaves nothing of ${supported.join(", ")}`,
    );
  }
}
