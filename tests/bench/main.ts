/**
 * rforward beside `ssh -R`, with `-N` and with a session, through the same
 * sshd, in interleaved rounds:
 *
 *     deno task bench [--netns] [--rounds N] [--mib N] [--only SUITE,…] [--clients CLIENT,…] [--json]
 *
 * Only ratios of one run count: the clients share the machine with sshd, the
 * load and whatever else runs there.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startSshd } from "../servers/openssh.ts";
import { startProcess } from "./bench_process.ts";
import { clients } from "./clients.ts";
import { countOption } from "./count_option.ts";
import { inspectEnvironment, runInNamespace, warnings } from "./environment.ts";
import { byName, table } from "./report.ts";
import { startLongPath } from "./long_path.ts";
import { fairness } from "./suites/fairness.ts";
import { latency } from "./suites/latency.ts";
import { longPaths } from "./suites/long_path.ts";
import { memory } from "./suites/memory.ts";
import { rate } from "./suites/rate.ts";
import { throughput } from "./suites/throughput.ts";

const { values: options } = parseArgs({
  options: {
    netns: { type: "boolean", default: false },
    rounds: { type: "string", default: "3" },
    mib: { type: "string", default: "512" },
    only: { type: "string" },
    clients: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
if (options.netns) {
  Deno.exit(
    await runInNamespace(Deno.args.filter((arg) => arg !== "--netns")),
  );
}
const rounds = countOption("rounds", options.rounds);
const mib = countOption("mib", options.mib);
const suites = pick(
  "only",
  [throughput, latency, rate, memory, fairness, ...longPaths],
  options.only,
);
const contestants = pick("clients", clients, options.clients);

const environment = inspectEnvironment();
await using sshd = await startSshd();
await using target = await startProcess(
  Deno.execPath(),
  ["run", "-A", fileURLToPath(import.meta.resolve("./target.ts"))],
  /^READY (\d+)$/m,
);

const tables: string[] = [];
const results: Record<string, unknown> = {};
for (const suite of suites) {
  const measured: { client: string; rounds: number[][] }[] = contestants.map(
    ({ name }) => ({ client: name, rounds: suite.metrics.map(() => []) }),
  );
  for (let round = 1; round <= rounds; round++) {
    for (const [i, contestant] of contestants.entries()) {
      console.error(`${suite.name} ${round}/${rounds}: ${contestant.name}`);
      // A fresh process each time: none inherits another round's heap.
      await using path = suite.pathMs === undefined
        ? undefined
        : await startLongPath(sshd, suite.pathMs);
      await using client = await contestant.start(
        path?.server ?? sshd,
        target.port,
      );
      const values = await suite.measure(client, { mib });
      values.forEach((value, m) => measured[i]?.rounds[m]?.push(value));
    }
  }
  tables.push(table(suite.name, suite.metrics, measured));
  results[suite.name] = byName(suite.metrics, measured);
}

if (options.json) {
  console.log(JSON.stringify({ environment, rounds, mib, results }, null, 2));
} else {
  const { processor, processors, kernel, deno, congestionControl } =
    environment;
  console.log(
    `${processors} x ${processor}, Linux ${kernel}, ${congestionControl}, Deno ${deno}; ` +
      `median of ${rounds} rounds, ${mib} MiB a transfer\n` +
      "up: from the server to the client; down: from the client to the server\n" +
      "ssh-…-N: ssh -N, which leaves Nagle's algorithm on; the others have a session\n",
  );
  console.log(tables.join("\n\n"));
}
for (const warning of warnings(environment)) console.error(`! ${warning}`);

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
