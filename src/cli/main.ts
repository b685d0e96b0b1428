/**
 * The command `rforward`: `ssh -R` that stays up, and reports whether it works.
 *
 * ```sh
 * deno install -g -A -n rforward jsr:@x2go/rforward/cli
 * rforward -R 8022:localhost:22 alice@server.example
 * ```
 *
 * From a clone of the repository:
 * `deno install -g -A -n rforward --config deno.json src/cli/main.ts`.
 *
 * @module
 */

import { writeAllSync } from "../streams/write_all.ts";
import config from "../../deno.json" with { type: "json" };
import { ArgumentError, RForwardError } from "../errors.ts";
import { withoutKeys } from "../text/shown.ts";
import type { Command } from "./command_line/arguments.ts";
import { completions } from "./command_line/completions.ts";
import { help } from "./command_line/help.ts";
import { parseArguments } from "./command_line/parse_arguments.ts";
import { EXIT } from "./exit_status.ts";

/**
 * Runs the command.
 *
 * @param argv The arguments, without the program's name.
 * @returns the exit status: 0 if it did what it was asked, including to end; 2
 * for a usage error; 255, as in ssh, for everything else.
 */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    return await execute(parseArguments(argv));
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      console.error(`rforward: ${withoutKeys(error.message)}`);
      return EXIT.failed;
    }
    if (!(error instanceof RForwardError)) throw error;
    console.error(`rforward: ${error.message}`);
    // A mistake in a file is not a usage error, nor is an address that the system or Deno denies.
    const isUsage = error instanceof ArgumentError &&
      !/:\d+$|^-[EF]$|\//.test(error.argument) &&
      !(error.cause instanceof Error && error.cause.name in Deno.errors);
    if (isUsage) console.error("See rforward --help.");
    return isUsage ? EXIT.usage : EXIT.failed;
  }
}

/** Loads only what the command needs: `--version` needs no connections. */
async function execute(command: Command): Promise<number> {
  switch (command.name) {
    case "help":
      return print(help());
    case "version":
      return print(`rforward ${config.version}, Deno ${Deno.version.deno}\n`);
    case "completions":
      return print(completions(command.shell));
    case "show-config": {
      const { readConfig } = await import("./plan.ts");
      const { showConfig } = await import("./show_config.ts");
      const { settings, forwards } = await readConfig(command.arguments);
      return print(showConfig(settings, forwards));
    }
    case "run": {
      const { run } = await import("./run.ts");
      return await run(command.arguments);
    }
  }
}

function print(text: string): number {
  try {
    writeAllSync(Deno.stdout, new TextEncoder().encode(text));
  } catch (error) {
    // Who reads it may have read enough, as in `rforward --help | head`.
    if (error instanceof Deno.errors.BrokenPipe) return EXIT.ended;
    const reason = error instanceof Error ? error.message : error;
    console.error(`rforward: cannot write to standard output: ${reason}`);
    return EXIT.failed;
  }
  return EXIT.ended;
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
