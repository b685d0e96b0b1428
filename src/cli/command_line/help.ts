import type { Flag } from "./flag.ts";
import { flags } from "./flag_table.ts";

/** What `--help` prints, in lines of at most 79 characters. */
export function help(): string {
  const listed = flags.filter((flag) => flag.help !== undefined);
  const own = listed.filter((flag) => !flag.asInSsh);
  const asInSsh = listed.filter((flag) => flag.asInSsh);
  return `Usage: rforward [options] -R forward [user@]host [command]
Reverse SSH tunnels that stay up: programs on a server reach services here.

${rows(own).join("\n")}
${wrap("As in ssh:", asInSsh.map(usage))}

* Before the first -R, for all forwards, also those of ssh_config. After a -R,
  for that forward alone, in place of what was given for all.

Examples:
  rforward -R 8080:localhost:3000 alice@server.example
  rforward -R '*:2222:localhost:22' -J jump.example -i ~/.ssh/id_ed25519 server
`;
}

function rows(flags: readonly Flag[]): string[] {
  const width = Math.max(...flags.map((flag) => usage(flag).length));
  return flags.map((flag) =>
    `  ${usage(flag).padEnd(width)}  ${flag.help}${flag.perForward ? " *" : ""}`
  );
}

/** A flag and its value, e.g. `--drain TIME`. */
function usage({ names, value }: Flag): string {
  return [names.join(", "), value?.name ?? []].flat().join(" ");
}

/** Words after a title, on lines of at most 79 characters. */
function wrap(title: string, words: readonly string[]): string {
  const lines = [`  ${title}`];
  for (const word of words) {
    const line = `${lines.at(-1)} ${word}`;
    if (line.length < 80) lines[lines.length - 1] = line;
    else lines.push(`    ${word}`);
  }
  return lines.join("\n");
}
