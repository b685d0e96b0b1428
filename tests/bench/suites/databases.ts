import { run } from "../../servers/run.ts";
import { postgresAt, startPostgres, startRedis } from "../databases.ts";
import type { Suite } from "../suite.ts";
import { tunnelSuite } from "../tunnel_suite.ts";

/** How long each of pgbench's runs takes, in seconds. */
const SECONDS = 3;

/** `pgbench -S`, which selects one row a transaction: 8 clients, one, and one that connects for each transaction. */
export const postgres: Suite = tunnelSuite({
  name: "postgres",
  metrics: ["8 clients /s", "1 client /s", "a connection each /s"],
  startTarget: startPostgres,
  async measure({ port }) {
    return [
      await transactions(port, ["-c", "8"]),
      await transactions(port, ["-c", "1"]),
      await transactions(port, ["-c", "1", "-C"]),
    ];
  },
});

async function transactions(port: number, args: string[]): Promise<number> {
  const printed = await run("pgbench", [
    ...postgresAt(port),
    ...["-n", "-S", "-T", String(SECONDS), ...args, "postgres"],
  ]);
  return Number(/^tps = ([\d.]+)/m.exec(printed)?.[1] ?? NaN);
}

/** `redis-benchmark`: 20 clients that get, and 20 that set 16 values at a time. */
export const redis: Suite = tunnelSuite({
  name: "redis",
  metrics: ["get, 20 clients /s", "pipelined set /s"],
  startTarget: startRedis,
  async measure({ port }) {
    return [
      await requests(port, "get", ["-n", "40000"]),
      await requests(port, "set", ["-n", "400000", "-P", "16"]),
    ];
  },
});

async function requests(
  port: number,
  test: string,
  args: string[],
): Promise<number> {
  const printed = await run("redis-benchmark", [
    ...["-h", "127.0.0.1", "-p", String(port), "-c", "20", "--csv"],
    ...["-t", test, ...args],
  ]);
  return Number(/^"[^"]*","([\d.]+)"/m.exec(printed.split("\n")[1] ?? "")?.[1]);
}
