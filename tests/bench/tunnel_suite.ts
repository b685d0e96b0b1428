import type { BenchProcess } from "./bench_process.ts";
import type { Client } from "./clients.ts";
import { startLongPath } from "./long_path.ts";
import type { Bench, Contest, Suite } from "./suite.ts";

/** What is measured through a tunnel that was just opened. */
export interface TunnelSuiteOptions {
  readonly name: string;
  readonly metrics: readonly string[];
  /** The round trip of the path between client and server, in milliseconds; loopback's own if not set. */
  readonly pathMs?: number;
  /** Who is compared, instead of the clients that were chosen. */
  readonly clients?: readonly Client[];
  /** Starts another target than target.ts. */
  startTarget?(): Promise<{ readonly port: number } & AsyncDisposable>;
  /** One round. */
  measure(
    client: BenchProcess,
    round: { readonly mib: number; readonly startedAt: number },
  ): Promise<number[]>;
}

/** A suite whose contestants are clients with a tunnel. Each round has a fresh process: none inherits another's heap. */
export function tunnelSuite(options: TunnelSuiteOptions): Suite {
  const { name, metrics, pathMs } = options;
  return {
    ...{ name, metrics },
    async prepare(bench: Bench): Promise<Contest> {
      const own = await options.startTarget?.();
      const { port } = own ?? bench.target;
      return {
        contestants: (options.clients ?? bench.clients).map((client) => ({
          name: client.name,
          async measure() {
            await using path = pathMs === undefined
              ? undefined
              : await startLongPath(bench.sshd, pathMs);
            const startedAt = performance.now();
            await using process = await client.start(
              path?.server ?? bench.sshd,
              port,
            );
            return await options.measure(process, {
              ...{ mib: bench.mib, startedAt },
            });
          },
        })),
        [Symbol.asyncDispose]: async () => await own?.[Symbol.asyncDispose](),
      };
    },
  };
}
