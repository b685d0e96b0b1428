import { fileURLToPath } from "node:url";
import { assert, assertEquals } from "../assert.ts";
import { serverTest } from "../servers/availability.ts";
import { run } from "../servers/run.ts";

/** The part of the output that is looked at: suite, client, metric. */
interface Output {
  results: Record<
    string,
    Record<string, Record<string, { median: number; rounds: number[] }>>
  >;
}

serverTest(
  ["sshd", "ssh"],
  "the benchmark measures ssh -R, and no tunnel, and prints JSON",
  async () => {
    const main = fileURLToPath(import.meta.resolve("./main.ts"));
    const printed = await run(Deno.execPath(), [
      ...["run", "-A", main, "--json", "--rounds", "1", "--mib", "1"],
      ...["--clients", "ssh-chacha20,ssh-chacha20-N,no-tunnel"],
      ...["--only", "throughput,latency"],
    ]);

    const { results }: Output = JSON.parse(printed);
    assertEquals(Object.keys(results), ["throughput", "latency"]);
    const measured = [
      results.throughput?.["ssh-chacha20"]?.["from the server, Gbit/s"],
      results.throughput?.["ssh-chacha20"]?.["to the server, Gbit/s"],
      results.throughput?.["ssh-chacha20-N"]?.["to the server, Gbit/s"],
      results.latency?.["no-tunnel"]?.["p99 us"],
    ];
    for (const metric of measured) {
      assert(metric !== undefined && metric.median > 0);
      assertEquals(metric.rounds, [metric.median]);
    }
  },
);
