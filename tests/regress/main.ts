/**
 * Runs OpenSSH's own regression tests of what this package covers, with an
 * adapter in the place of `ssh`, and prints which of their steps pass.
 *
 *     deno task regress [--short] [--keep DIRECTORY] [SCRIPT…]
 *
 * They are those of Debian's package `openssh-tests`, need root, and take eight to
 * twenty minutes; `--short` is a selection of about a minute. `--keep` leaves
 * the directories of the scripts, with their logs.
 *
 * @module
 */

import { join } from "node:path";
import { runScript, scriptDirectory } from "./run_script.ts";
import { type Script, scripts } from "./scripts.ts";
import { heading, judge, row } from "./verdict.ts";
import { writeSsh } from "./write_ssh.ts";

/** How many scripts run at once: they wait more than they work. */
const AT_ONCE = 2;

interface Options {
  short: boolean;
  keep: string | undefined;
  names: readonly string[];
}

function parseOptions(argv: readonly string[]): Options {
  const options: Options = { short: false, keep: undefined, names: [] };
  const words = [...argv];
  for (let word; (word = words.shift()) !== undefined;) {
    if (word === "--short") options.short = true;
    else if (word === "--keep") options.keep = words.shift();
    else options.names = [...options.names, word];
  }
  const all = scripts.map(({ name }) => name);
  const unknown = options.names.find((name) => !all.includes(name));
  if (unknown === undefined) return options;
  throw new Error(`${unknown} is not one of ${all.join(", ")}`);
}

async function makeDirectory(
  { keep }: Options,
  stack: AsyncDisposableStack,
): Promise<string> {
  const directory = keep ??
    await Deno.makeTempDir({ prefix: "rforward-regress-" });
  if (keep === undefined) {
    stack.defer(() => Deno.remove(directory, { recursive: true }));
  } else {
    await Deno.mkdir(directory);
  }
  // sshd reads files of it as other users.
  await Deno.chmod(directory, 0o755);
  return directory;
}

/** Runs scripts, and prints each's verdict; returns how many failures there are. */
async function runAll(options: Options, directory: string): Promise<number> {
  const { short, names } = options;
  const ssh = await writeSsh(directory, "ssh", { short });
  const withAgent = { withAgent: true, short };
  const sshWithAgent = await writeSsh(directory, "ssh-with-agent", withAgent);
  const queue = scripts.filter(({ name, inShort }) =>
    names.length > 0 ? names.includes(name) : !short || inShort
  );
  console.log(heading);
  let failures = 0;
  let runs = 0;
  let lastWithPorts: Promise<unknown> = Promise.resolve();
  const start = (script: Script) =>
    runScript(
      script,
      // Scripts look for words in files that name it.
      join(directory, `run${++runs}`),
      script.withAgent ? sshWithAgent : ssh,
    );
  const work = async () => {
    for (let script; (script = queue.shift());) {
      const next = script;
      const running = next.ownPorts
        ? lastWithPorts.then(() => start(next))
        : start(next);
      if (next.ownPorts) lastWithPorts = running;
      const outcome = await running;
      const verdict = judge(next, outcome, !short);
      failures += verdict.failed.length;
      console.log(row(next.name, verdict, outcome.ms));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return failures;
}

/** @throws {Error} if something is missing that the scripts need. */
async function checkMachine(): Promise<void> {
  if (Deno.uid() !== 0) throw new Error("the scripts need root");
  const stat = await Deno.stat(scriptDirectory).catch(() => undefined);
  if (!stat) throw new Error("install Debian's package openssh-tests");
  // What sshd.service would make.
  await Deno.mkdir("/run/sshd", { recursive: true, mode: 0o755 });
}

async function main(options: Options): Promise<number> {
  await checkMachine();
  await using stack = new AsyncDisposableStack();
  const directory = await makeDirectory(options, stack);
  return await runAll(options, directory) === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exitCode = await main(parseOptions(Deno.args));
