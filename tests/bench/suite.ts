import type { Sshd } from "../servers/openssh.ts";
import type { BenchProcess } from "./bench_process.ts";
import type { Client } from "./clients.ts";

/** What is measured together. */
export interface Suite {
  /** Its name on the command line and in the output. */
  readonly name: string;
  /** What is measured, each with its unit, in the order of the columns. */
  readonly metrics: readonly string[];
  /**
   * Starts what all of its rounds need.
   *
   * @throws {Unavailable} if something is missing on this machine.
   */
  prepare(bench: Bench): Promise<Contest>;
}

/** What all suites of a run share. */
export interface Bench {
  readonly sshd: Sshd;
  /** The target of the tunnels (target.ts). */
  readonly target: BenchProcess;
  /** The clients that were chosen. */
  readonly clients: readonly Client[];
  /** How much a transfer is, in MiB. */
  readonly mib: number;
  /** How many files are unpacked, copied and cloned. */
  readonly files: number;
}

/** What is compared, round by round. */
export interface Contest extends AsyncDisposable {
  readonly contestants: readonly Contestant[];
}

/** One of those that are compared. */
export interface Contestant {
  readonly name: string;
  /** One round, from the start: a value for each metric, NaN for what cannot be measured here. */
  measure(): Promise<number[]>;
}

/** A suite needs something that this machine does not have. */
export class Unavailable extends Error {}
