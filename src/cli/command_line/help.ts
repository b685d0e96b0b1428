import { type Option, options } from "./options.ts";

/** What `--help` prints; it fits a screen of 80 by 24. */
export function help(): string {
  const listed = options.filter((option) => option.help !== undefined);
  const own = listed.filter((option) => !option.asInSsh);
  const asInSsh = listed.filter((option) => option.asInSsh);
  return `Usage: rforward [options] -R forward [user@]host [command]
Reverse SSH tunnels that stay up: programs on a server reach services here.

${own.map(row).join("\n")}
${wrap("As in ssh:", asInSsh.map(usage))}

Examples:
  rforward -R 8080:localhost:3000 alice@server.example
  rforward -R '*:2222:localhost:22' -J jump.example -i ~/.ssh/id_ed25519 server
`;
}

function row(option: Option): string {
  const [, long] = option.flags;
  const left = [usage(option), long ?? []].flat().join(", ");
  return `  ${left.padEnd(20)} ${option.help}`;
}

/** An option and its value, e.g. `--drain TIME`. */
function usage({ flags, value }: Option): string {
  return [flags[0], value?.name ?? []].flat().join(" ");
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
