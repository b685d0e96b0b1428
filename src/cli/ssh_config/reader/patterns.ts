/** The patterns of ssh_config(5), "PATTERNS". @module */

/**
 * Whether `text` matches `pattern`: `*` matches any characters, `?` one, and
 * all others themselves.
 */
export function matchesPattern(text: string, pattern: string): boolean {
  let at = 0;
  let next = 0;
  // Where to continue if the rest does not match: the last `*` takes one more character.
  let star = -1;
  let taken = 0;
  while (at < text.length) {
    const char = pattern[next];
    if (char === "*") {
      star = next++;
      taken = at;
    } else if (char === "?" || char === text[at]) {
      next++;
      at++;
    } else if (star >= 0) {
      next = star + 1;
      at = ++taken;
    } else {
      return false;
    }
  }
  while (pattern[next] === "*") next++;
  return next === pattern.length;
}

/** Whether `text` matches one of the patterns, and none of those after a `!`. */
export function matchesPatterns(
  text: string,
  patterns: readonly string[],
): boolean {
  let matched = false;
  for (const pattern of patterns) {
    if (pattern.startsWith("!")) {
      if (matchesPattern(text, pattern.slice(1))) return false;
    } else {
      matched ||= matchesPattern(text, pattern);
    }
  }
  return matched;
}

/** {@linkcode matchesPatterns} for patterns between commas. */
export function matchesPatternList(text: string, list: string): boolean {
  return matchesPatterns(text, list.split(","));
}

/** {@linkcode matchesPatternList} for host names, in any case. */
export function matchesHostList(host: string, list: string): boolean {
  return matchesPatternList(host.toLowerCase(), list.toLowerCase());
}
