import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../servers/run.ts";
import { listAlgorithms, type ListOptions } from "./list_algorithms.ts";

/** What the scripts ask `ssh -Q` for. */
const QUERIES = ["kex", "cipher", "cipher-auth", "mac", "key", "key-plain"];

/**
 * Writes the program that takes the place of ssh.
 *
 * @returns its path.
 */
export async function writeSsh(
  directory: string,
  name: string,
  options: Omit<ListOptions, "openssh">,
): Promise<string> {
  const lists = join(directory, `${name}-lists`);
  await Deno.mkdir(lists);
  const openssh = (await Promise.all(
    QUERIES.map((query) => run("ssh", ["-Q", query])),
  )).join("").split("\n");
  for (const query of [...QUERIES, "compression"]) {
    const names = listAlgorithms(query, { ...options, openssh });
    await Deno.writeTextFile(join(lists, query), names.join("\n") + "\n");
  }
  const program = join(directory, name);
  const pathOf = (file: string) => fileURLToPath(import.meta.resolve(file));
  // Scripts ask for lists so often that Deno need not start for them.
  await Deno.writeTextFile(
    program,
    `#!/bin/sh
words=$*
case $words in
*"-Q "*) exec cat "${lists}/\${words##*-Q }" ;;
esac
RFORWARD_REGRESS_SSH=$0
export RFORWARD_REGRESS_SSH
exec "${Deno.execPath()}" run --quiet --no-check --cached-only --allow-all \\
	--config "${pathOf("../../deno.json")}" "${pathOf("./ssh_adapter.ts")}" "$@"
`,
    { mode: 0o755 },
  );
  return program;
}
