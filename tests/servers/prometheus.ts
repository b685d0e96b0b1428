/** Debian's Prometheus, which scrapes a page of metrics five times a second. */
import { join } from "node:path";
import { findProgram } from "./availability.ts";
import { freePort } from "./free_port.ts";
import { listeningAt } from "./listening.ts";

/** A series of a query's result: its labels, and its value now. */
export interface Series {
  metric: Record<string, string>;
  value: [number, string];
}

/** A running Prometheus. */
export interface Prometheus extends AsyncDisposable {
  /** The result of an expression now; fails if it is not valid. */
  query(expression: string): Promise<Series[]>;
  /** Asks any page of its API. */
  ask<T>(path: string, parameters: Record<string, string>): Promise<T>;
}

/** Starts one that scrapes `http://127.0.0.1:PORT/metrics`. */
export async function startPrometheus(scraped: number): Promise<Prometheus> {
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "rforward-prometheus-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));
  const config = join(dir, "prometheus.yml");
  await Deno.writeTextFile(
    config,
    JSON.stringify({ // which is YAML
      global: { scrape_interval: "200ms", scrape_timeout: "200ms" },
      scrape_configs: [{
        job_name: "rforward",
        static_configs: [{ targets: [`127.0.0.1:${scraped}`] }],
      }],
    }),
  );
  const port = freePort();
  const child = new Deno.Command(findProgram("prometheus") ?? "prometheus", {
    args: [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(dir, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();
  stack.defer(async () => {
    child.kill("SIGKILL");
    await child.status;
  });
  while (!await isReady(port)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const ask = async <T>(
    path: string,
    parameters: Record<string, string>,
  ): Promise<T> => {
    const query = new URLSearchParams(parameters);
    const response = await fetch(
      `http://127.0.0.1:${port}/api/v1/${path}?${query}`,
    );
    const { status, data, error } = await response.json();
    if (status !== "success") throw new Error(`${error}: ${query}`);
    return data;
  };
  const kept = stack.move();
  return {
    ask,
    query: async (expression) =>
      (await ask<{ result: Series[] }>("query", { query: expression })).result,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function isReady(port: number): Promise<boolean> {
  if (listeningAt(port).length === 0) return false;
  const response = await fetch(`http://127.0.0.1:${port}/-/ready`);
  await response.body?.cancel();
  return response.ok;
}
