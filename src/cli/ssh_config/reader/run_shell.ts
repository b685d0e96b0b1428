import type { ConfigLine } from "./config_line.ts";
import type { LocalMachine } from "../local_machine.ts";
import { shown } from "../../../text/shown.ts";

/**
 * Runs a command of `Match exec` in the user's shell, without input; standard
 * error is inherited.
 *
 * @returns whether it succeeded; undefined if Deno may not run it.
 * @throws {ArgumentError} if the shell cannot be run, or a signal ended it.
 */
export async function runShell(
  command: string,
  line: ConfigLine,
  machine: LocalMachine,
): Promise<boolean | undefined> {
  const shell = machine.env("SHELL") ?? "/bin/sh";
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(shell, {
      args: ["-c", command],
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) return undefined;
    throw line.error(`cannot run the shell ${shell}`, cause);
  }
  const { success, signal } = await child.status;
  if (signal === null) return success;
  throw line.error(`exec ended by ${signal}: ${shown(command)}`);
}
