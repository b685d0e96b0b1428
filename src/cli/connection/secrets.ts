import type { Asker } from "../terminal/terminal.ts";

/**
 * The answers of the person at the terminal, kept for as long as the command
 * runs: when the connection is made again, the terminal may be unattended.
 */
export class Secrets {
  /** Asks the person at the terminal; undefined without a terminal, and once connected. */
  asker: Asker | undefined;
  /** The answers, by what was asked for. */
  readonly known = new Map<string, string>();
  /** The host keys that were accepted. */
  readonly hostKeys = new Set<string>();
  /** The logins of servers that ask a question for which there was no answer. */
  readonly unanswered = new Set<string>();

  /** @param asker Asks the person; undefined without a terminal. */
  constructor(asker: Asker | undefined) {
    this.asker = asker;
  }
}
