/**
 * rforward beside `ssh -R`, with `-N` and with a session, through the same
 * sshd, in interleaved rounds:
 *
 *     deno task bench [--netns] [--rounds N] [--mib N] [--files N] [--only SUITE,…]
 *                     [--clients CLIENT,…] [--json] [--markdown] [--compare FILE] [--svg FILE]
 *
 * `--compare` holds the ratios against those of a run that was saved with
 * `--json`. `--svg` measures throughput over receive windows and round trips,
 * and plots it. Suites whose programs are missing are left out, with the reason.
 *
 * Only ratios of one run count: the clients share the machine with sshd, the
 * load and whatever else runs there.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startSshd } from "../servers/openssh.ts";
import { startProcess } from "./bench_process.ts";
import { clients } from "./clients.ts";
import {
  compare,
  comparisonTable,
  type Results,
  unmatched,
} from "./compare.ts";
import { countOption } from "./count_option.ts";
import { inspectEnvironment, runInNamespace, warnings } from "./environment.ts";
import { plot } from "./plot.ts";
import { byName, markdown, type Result, table, unsteady } from "./report.ts";
import { type Bench, type Suite, Unavailable } from "./suite.ts";
import { postgres, redis } from "./suites/databases.ts";
import { fairness } from "./suites/fairness.ts";
import { folders } from "./suites/folders.ts";
import { latency } from "./suites/latency.ts";
import { longPaths } from "./suites/long_path.ts";
import { memory } from "./suites/memory.ts";
import { rate } from "./suites/rate.ts";
import { services } from "./suites/services.ts";
import { sound } from "./suites/sound.ts";
import { start } from "./suites/start.ts";
import { stuck } from "./suites/stuck.ts";
import { throughput } from "./suites/throughput.ts";
import { windowCurves, windows } from "./suites/windows.ts";

const usage =
  `deno task bench [--netns] [--rounds N] [--mib N] [--files N] [--only SUITE,…]
                [--clients CLIENT,…] [--json] [--markdown] [--compare FILE] [--svg FILE]`;

const options = parse();
if (options.help) {
  console.log(usage);
  Deno.exit();
}
if (options.netns) {
  Deno.exit(
    await runInNamespace(Deno.args.filter((arg) => arg !== "--netns")),
  );
}
const rounds = countOption("rounds", options.rounds);
const mib = countOption("mib", options.mib);
const files = countOption("files", options.files);
const usual = [
  ...[throughput, latency, rate, memory, stuck, fairness, sound],
  ...[postgres, redis, start, services, ...longPaths, folders],
];
const suites = options.only === undefined
  ? options.svg === undefined ? usual : [...usual, windows]
  : pick("only", [...usual, windows], options.only);
const saved: Results | undefined = options.compare === undefined
  ? undefined
  : JSON.parse(await Deno.readTextFile(options.compare)).results;

const environment = inspectEnvironment();
await using sshd = await startSshd();
await using target = await startProcess(
  Deno.execPath(),
  ["run", "-A", fileURLToPath(import.meta.resolve("./target.ts"))],
  /^READY (\d+)$/m,
);
const bench: Bench = {
  ...{ sshd, target, mib, files },
  clients: pick("clients", clients, options.clients),
};

const tables: string[] = [];
const notes: string[] = [];
const unsteadyOnes: string[] = [];
const results: Record<string, ReturnType<typeof byName>> = {};
for (const suite of suites) {
  const { name, metrics } = suite;
  try {
    const measured = await run(suite);
    tables.push((options.markdown ? markdown : table)(name, metrics, measured));
    results[name] = byName(metrics, measured);
    unsteadyOnes.push(...unsteady(name, metrics, measured));
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    notes.push(`${name} was left out: ${error.message}`);
  }
}

if (unsteadyOnes.length > 0) {
  notes.push(
    `the machine was not quiet: rounds differ by more than twice, ${unsteadyOnes.length} times, e.g. ${
      unsteadyOnes.slice(0, 3).join("; ")
    }`,
  );
}
if (options.json) {
  console.log(JSON.stringify({ environment, rounds, mib, results }, null, 2));
} else {
  const { processor, processors, kernel, deno, congestionControl } =
    environment;
  console.log(
    `${processors} x ${processor}, Linux ${kernel}, ${congestionControl}, Deno ${deno}; ` +
      `median of ${rounds} rounds, ${mib} MiB a transfer\n` +
      "ssh-…-N: ssh -N, which leaves Nagle's algorithm on; the others have a session\n",
  );
  console.log(tables.join("\n\n"));
}
if (saved) {
  // Standard output may be JSON.
  console.error(
    `\nin relation to ${options.compare}, first what changed most:`,
  );
  console.error(comparisonTable(compare(saved, results)));
  const missing = unmatched(saved, results);
  if (missing.length > 0) {
    notes.push(`${options.compare} does not have: ${missing.join("; ")}`);
  }
}
if (options.svg !== undefined && results.windows) {
  const svg = plot({
    title: "From the server, over the round trip and the receive window",
    xLabel: "round trip, ms",
    yLabel: "MB/s",
    curves: windowCurves(results.windows),
  });
  await Deno.writeTextFile(options.svg, svg);
}
for (const warning of [...warnings(environment), ...notes]) {
  console.error(`! ${warning}`);
}

function parse() {
  try {
    return parseArgs({
      options: {
        help: { type: "boolean", short: "h", default: false },
        netns: { type: "boolean", default: false },
        rounds: { type: "string", default: "3" },
        mib: { type: "string", default: "512" },
        files: { type: "string", default: "500" },
        only: { type: "string" },
        clients: { type: "string" },
        json: { type: "boolean", default: false },
        markdown: { type: "boolean", default: false },
        compare: { type: "string" },
        svg: { type: "string" },
      },
    }).values;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    Deno.exit(2);
  }
}

async function run(suite: Suite): Promise<Result[]> {
  await using contest = await suite.prepare(bench);
  const measured = contest.contestants.map(({ name }) => ({
    client: name,
    rounds: suite.metrics.map((): number[] => []),
  }));
  for (let round = 1; round <= rounds; round++) {
    for (const [i, contestant] of contest.contestants.entries()) {
      console.error(`${suite.name} ${round}/${rounds}: ${contestant.name}`);
      const values = await contestant.measure();
      values.forEach((value, m) => measured[i]?.rounds[m]?.push(value));
    }
  }
  return measured;
}

function pick<T extends { name: string }>(
  option: string,
  all: readonly T[],
  names: string | undefined,
): readonly T[] {
  if (names === undefined) return all;
  return names.split(",").map((name) =>
    all.find((item) => item.name === name) ??
      fail(
        `--${option} ${name}: one of ${all.map(({ name }) => name).join(", ")}`,
      )
  );
}

function fail(message: string): never {
  console.error(message);
  Deno.exit(2);
}
