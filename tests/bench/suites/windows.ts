import { type Client, rforward } from "../clients.ts";
import { startLongPath } from "../long_path.ts";
import type { Curve } from "../plot.ts";
import type { Rounds } from "../report.ts";
import type { Bench, Contest, Suite } from "../suite.ts";
import { transferFromServer } from "./long_path.ts";

const ROUND_TRIPS_MS = [1, 20, 100, 300];
const MIB = 1024 * 1024;
/** A transfer is no larger than this, in MiB. */
const MAX_MIB = 64;

/** rforward with windows that follow the path, and with fixed ones. */
const clients: readonly Client[] = [
  { name: "follows the path", start: rforward() },
  ...[0.5, 2, 8, 16].map((mib) => ({
    name: `${mib} MiB`,
    start: rforward({ window: mib * MIB }),
  })),
];

/** Throughput from the server over round trips and receive windows, for the plot. Not among the default suites. */
export const windows: Suite = {
  name: "windows",
  metrics: ROUND_TRIPS_MS.map((ms) => `${ms} ms MB/s`),
  prepare({ sshd, target, mib }: Bench): Promise<Contest> {
    const bytes = Math.min(mib, MAX_MIB) * MIB;
    const contestants = clients.map(({ name, start }) => ({
      name,
      async measure() {
        const values: number[] = [];
        for (const roundTripMs of ROUND_TRIPS_MS) {
          await using path = await startLongPath(sshd, roundTripMs);
          await using client = await start(path.server, target.port);
          await transferFromServer(client.port, bytes / 4); // TCP's slow start
          const ms = await transferFromServer(client.port, bytes);
          values.push(bytes / 1000 / ms);
        }
        return values;
      },
    }));
    return Promise.resolve({ contestants, async [Symbol.asyncDispose]() {} });
  },
};

/** What was measured, as curves. */
export function windowCurves(
  results: Record<string, Record<string, Rounds>>,
): Curve[] {
  return Object.entries(results).map(([name, metrics]) => ({
    name,
    points: Object.values(metrics).map(({ median }, i) => ({
      x: ROUND_TRIPS_MS[i] ?? NaN,
      y: median,
    })),
  }));
}
