import { dirname } from "node:path";
import type { KnownHostsLine } from "./known_hosts_file.ts";

/**
 * Removes lines from their files, if they still are what was read. As with
 * `ssh-keygen -R`, the file as it was stays beside it, named `….old`.
 *
 * @returns those that were removed: none of a file in whose directory Deno may not write, which is not asked for.
 */
export async function removeKnownHosts(
  lines: readonly KnownHostsLine[],
): Promise<KnownHostsLine[]> {
  const removed: KnownHostsLine[] = [];
  for (const [file, gone] of Map.groupBy(lines, ({ file }) => file)) {
    const path = await Deno.realPath(file); // a link stays a link
    const directory = { name: "write", path: dirname(path) } as const;
    const { state } = await Deno.permissions.query(directory);
    if (state !== "granted") continue;
    const kept = (await Deno.readTextFile(path)).split("\n")
      .filter((row, index) => {
        const line = gone.find(({ line }) => line === index + 1);
        return line === undefined || !row.includes(line.data.toBase64());
      }).join("\n");
    await Deno.copyFile(path, `${path}.old`);
    await replaceFile(path, kept);
    removed.push(...gone);
  }
  return removed;
}

/** Replace the file as a whole: readers never see a part of it, and a full disk loses nothing. */
async function replaceFile(path: string, text: string): Promise<void> {
  const { mode } = await Deno.stat(path);
  const written = `${path}.${crypto.randomUUID()}`;
  try {
    await Deno.writeTextFile(written, text, { mode: mode ?? 0o600 });
    await Deno.rename(written, path);
  } catch (error) {
    await Deno.remove(written).catch(() => {}); // the first error counts
    throw error;
  }
}
