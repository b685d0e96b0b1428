import { setTimeout as delay } from "node:timers/promises";
import { assert } from "../assert.ts";
import { within } from "../within.ts";
import type { RforwardProcess } from "./rforward_process.ts";

/** Arguments of `deno run` with which the use of a process can be measured. */
export const measurable = [
  "--v8-flags=--expose-gc",
  `--preload=${new URL("count_objects.ts", import.meta.url).pathname}`,
];

/** How many promises and how many open files a process has. */
export type Use = Record<string, number>;

/** Measures the use of a process that was started as {@linkcode measurable}. */
export async function measureUse(rforward: RforwardProcess): Promise<Use> {
  const before = rforward.stderr.length;
  rforward.signal("SIGUSR2"); // see count_objects.ts
  const alive = async () => {
    for (;; await delay(10)) {
      const found = /alive (.*)\n/.exec(rforward.stderr.slice(before));
      if (found) return JSON.parse(found[1]!);
    }
  };
  return {
    ...await within(60_000, "the count of promises", alive()),
    files: [...Deno.readDirSync(`/proc/${rforward.pid}/fd`)].length,
  };
}

/** Fails if more than `most` of anything came to be in use. */
export function assertNoMore(before: Use, after: Use, most: number): void {
  for (const [what, count] of Object.entries(after)) {
    const more = count - (before[what] ?? NaN);
    assert(more <= most, `${what}: ${more} more`);
  }
}
