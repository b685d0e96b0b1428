/** File name patterns of glob(3), for `Include`. @module */

import { throwIfNotPermitted } from "../../../permissions.ts";

/**
 * The files that match a pattern, sorted. In each part of the path `*`, `?` and
 * `[…]` match characters, but not a leading dot.
 *
 * @param pattern An absolute path.
 * @throws {RForwardError} `permission-denied` if Deno may not read a directory.
 */
export async function findFiles(pattern: string): Promise<string[]> {
  const [root = "", ...parts] = pattern.split("/");
  let found = [root];
  let seen = false;
  for (const part of parts) {
    seen = /[*?[]/.test(part);
    found = seen
      ? (await Promise.all(found.map((path) => entries(path, part)))).flat()
      : found.map((path) => `${path}/${part.replace(/\\(.)/g, "$1")}`);
  }
  // Directories on the way are not read, which would need permissions.
  if (!seen) found = (await Promise.all(found.map(existing))).flat();
  return found.sort();
}

async function existing(path: string): Promise<string[]> {
  try {
    await Deno.lstat(path);
    return [path];
  } catch (error) {
    return none(error, path);
  }
}

async function entries(directory: string, part: string): Promise<string[]> {
  const pattern = toRegExp(part);
  try {
    const names = await Array.fromAsync(
      Deno.readDir(directory || "/"),
      ({ name }) => name,
    );
    return names
      .filter((name) => part.startsWith(".") || !name.startsWith("."))
      .filter((name) => pattern.test(name))
      .map((name) => `${directory}/${name}`);
  } catch (error) {
    return none(error, directory);
  }
}

/** Ignores what cannot be read, unless Deno does not permit it. */
function none(cause: unknown, path: string): string[] {
  throwIfNotPermitted(
    cause,
    `look for the included ${path}`,
    `--allow-read=${path}`,
  );
  return [];
}

function toRegExp(part: string): RegExp {
  const source = part.replace(
    /\\(.)|\*+|\?|\[([!^]?)(\]?[^\]]*)\]|[^]/g,
    (all, escaped?: string, negated?: string, set?: string) => {
      if (escaped !== undefined) return RegExp.escape(escaped);
      if (all.startsWith("*")) return "[^]*";
      if (all === "?") return "[^]";
      if (set === undefined) return RegExp.escape(all);
      return `[${negated && "^"}${set.replace(/[\\\]^[]/g, "\\$&")}]`;
    },
  );
  try {
    return new RegExp(`^${source}$`);
  } catch {
    return /$^/; // a reversed range matches nothing
  }
}
