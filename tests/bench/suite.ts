import type { BenchProcess } from "./bench_process.ts";

/** What is measured together, on a client that was just started. */
export interface Suite {
  /** Its name on the command line and in the output. */
  readonly name: string;
  /** What is measured, each with its unit, in the order of the columns. */
  readonly metrics: readonly string[];
  /** The round trip of the path between client and server, in milliseconds; loopback's own if not set. */
  readonly pathMs?: number;
  /** One round: a value for each metric, NaN for what cannot be measured on this client. */
  measure(client: BenchProcess, options: SuiteOptions): Promise<number[]>;
}

/** What can be chosen for a run. */
export interface SuiteOptions {
  /** How much a transfer is, in MiB. */
  readonly mib: number;
}
