import { ArgumentError } from "../../errors.ts";
import type { Command } from "./arguments.ts";
import { CommandLine } from "./command_line.ts";
import { flags } from "./flag_table.ts";
import { getopt } from "./getopt.ts";

/**
 * Reads the command line as ssh reads its own: options before or after the
 * destination, clustered, first `-p`, `-l` or `-o` for a setting counts.
 *
 * @param argv The arguments, without the program's name.
 * @throws {ArgumentError} at the first mistake.
 */
export function parseArguments(argv: readonly string[]): Command {
  const line = new CommandLine();
  for (const item of getopt(argv)) {
    if ("destination" in item) {
      line.setDestination(item.destination);
    } else if ("command" in item) {
      line.setRemoteCommand(item.command);
    } else {
      line.given.add(item.name);
      item.flag.read(line, item.value, item.name);
      if (line.answer) return line.answer;
    }
  }
  checkContradictions(line);
  return line.end();
}

function checkContradictions({ given }: CommandLine): void {
  for (const { names, contradicts = [] } of flags) {
    const name = names.find((name) => given.has(name));
    const other = contradicts.find((name) => given.has(name));
    if (name === undefined || other === undefined) continue;
    throw new ArgumentError(name, `cannot be used together with ${other}`);
  }
}
