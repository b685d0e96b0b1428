/**
 * Stands in for `ssh` in OpenSSH's own regression tests: the command's reading
 * of options and ssh_config, and the library's connections and commands. It
 * has what these tests need of ssh and the command has not: `-Q`, and running a
 * command in the foreground.
 *
 * @module
 */

import {
  type Arguments,
  parseArguments,
} from "../../src/cli/command_line/arguments.ts";
import { planConnection } from "../../src/cli/connect_plan.ts";
import { resolveHops } from "../../src/cli/hops.ts";
import { readConfig } from "../../src/cli/plan.ts";
import { showConfig } from "../../src/cli/show_config.ts";
import { Secrets } from "../../src/cli/secrets.ts";
import { forward } from "../../mod.ts";
import type { Logger } from "../../src/logger.ts";
import { nativeEngine } from "../../src/ssh/native/native_engine.ts";
import { listAlgorithms } from "./list_algorithms.ts";

/** As ssh's own: whatever fails here. */
const FAILED = 255;

/** What means nothing without a terminal, or is the default here. */
const IGNORED = /^-[nTqax]+$/;

async function main(argv: readonly string[]): Promise<number> {
  const query = argv.indexOf("-Q");
  if (query >= 0) {
    for (const name of listAlgorithms(argv[query + 1]!)) console.log(name);
    return 0;
  }
  const command = parseArguments(argv.filter((arg) => !IGNORED.test(arg)));
  if (!("arguments" in command)) {
    throw new Error(`not done here: ${command.name}`);
  }
  const { settings, forwards } = await readConfig(command.arguments);
  if (command.name === "show-config") {
    console.log(showConfig(settings, forwards));
    return 0;
  }
  const hops = await resolveHops(settings, command.arguments.configFile);
  const connect = planConnection(hops, {
    engine: nativeEngine,
    secrets: new Secrets(undefined),
    logger: loggerTo(command.arguments),
    onBanner: (text) => console.error(text),
  });
  await using connection = await connect(new AbortController().signal);
  await using tunnels = new AsyncDisposableStack();
  for (const { bind, target } of forwards) {
    tunnels.use(await forward(connection, { bind, target }));
  }
  const { remoteCommand } = command.arguments;
  if (remoteCommand === undefined) throw new Error("no command is given");
  await using process = await connection.exec(remoteCommand);
  // ssh goes on reading its input after the command's end; here that ends it.
  const input = Deno.stdin.readable.pipeTo(process.stdin).catch(() => {});
  await Promise.all([
    process.stdout.pipeTo(Deno.stdout.writable, { preventClose: true }),
    process.stderr.pipeTo(Deno.stderr.writable, { preventClose: true }),
  ]);
  const { code } = await process.status;
  void input;
  return code ?? FAILED;
}

/** What the scripts look for in ssh's words. */
const ITS_WORDS = [
  [/a packet is not authentic/, "Corrupted MAC on input."],
] as const;

function inItsWords(message: string): string {
  const [, words] = ITS_WORDS.find(([ours]) => ours.test(message)) ?? [];
  return words ?? message;
}

function loggerTo({ logFile, verbosity }: Arguments): Logger {
  const write = (message: string) => {
    const text = inItsWords(message);
    if (logFile === undefined) return console.error(text);
    Deno.writeTextFileSync(logFile, `${text}\n`, { append: true });
  };
  const detail = verbosity > 0 ? write : () => {};
  return { debug: detail, info: detail, warn: write, error: write };
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(FAILED);
  }
}
