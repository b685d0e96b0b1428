import { existsSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "../servers/availability.ts";
import { withFreePort } from "../servers/free_port.ts";
import { run } from "../servers/run.ts";
import { type BenchProcess, startProcess } from "./bench_process.ts";
import { Unavailable } from "./suite.ts";

/** Starts a PostgreSQL server with the tables of pgbench, for the user `bench`. Disposing removes it. */
export async function startPostgres(): Promise<BenchProcess> {
  requirePrograms("postgresql", ["pgbench"]);
  const initdb = program("initdb");
  const postgres = program("postgres");
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "rforward-postgres-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));
  // It does not run as root.
  const asUser: string[] = [];
  if (Deno.uid() === 0) {
    asUser.push(
      ...["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"],
    );
    await run("chown", ["postgres:postgres", dir]);
  }
  const data = join(dir, "data");
  const [first = "", ...args] = [
    ...asUser,
    ...[initdb, "-D", data, "-U", "bench", "-A", "trust", "--no-sync"],
  ];
  await run(first, args);
  const server = stack.use(
    await withFreePort((port) => {
      const [first = "", ...args] = [
        ...[...asUser, postgres, "-D", data, "-p", String(port)],
        ...["-h", "127.0.0.1", "-k", dir],
      ];
      return startProcess(
        ...[first, args] as const,
        /port (\d+)[^]*ready to accept connections/,
      );
    }),
  );
  await run("pgbench", [...postgresAt(server.port), "-i", "-q", "postgres"]);
  return owned(server, stack.move());
}

/** What a client of {@linkcode startPostgres} needs on its command line. */
export function postgresAt(port: number): string[] {
  return ["-h", "127.0.0.1", "-p", String(port), "-U", "bench"];
}

/** Starts a Redis server that stores nothing. */
export async function startRedis(): Promise<BenchProcess> {
  requirePrograms("redis-server", ["redis-server", "redis-benchmark"]);
  return await withFreePort((port) =>
    startProcess("redis-server", [
      ...["--bind", "127.0.0.1", "--port", String(port)],
      ...["--save", "", "--appendonly", "no"],
    ], /port=(\d+)[^]*Ready to accept connections/)
  );
}

function owned(
  process: BenchProcess,
  stack: AsyncDisposableStack,
): BenchProcess {
  return {
    pid: process.pid,
    port: process.port,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Debian keeps PostgreSQL's programs by version, out of PATH. */
function program(name: string): string {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian)
    ? [...Deno.readDirSync(debian)].map((entry) => Number(entry.name))
    : [];
  for (const version of versions.toSorted((a, b) => b - a)) {
    const path = join(debian, String(version), "bin", name);
    if (existsSync(path)) return path;
  }
  requirePrograms("postgresql", [name]);
  return name;
}

function requirePrograms(debianPackage: string, names: string[]): void {
  for (const name of names) {
    if (findProgram(name) !== undefined) continue;
    throw new Unavailable(
      `${name} is not installed; apt-get install ${debianPackage}`,
    );
  }
}
