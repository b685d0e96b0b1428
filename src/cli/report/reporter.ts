import type { SupervisorEvent } from "../../forward/supervise/supervisor_options.ts";

/** How much a message matters. */
export type Level = "debug" | "info" | "warn" | "error";

/** Tells a person, or a program, what happens. */
export interface Reporter extends AsyncDisposable {
  /** Tells what happened to the connection and its tunnels. */
  event(event: SupervisorEvent): void;
  /** Tells anything else. Line breaks are kept; what else does something to a terminal is not. */
  message(level: Level, text: string): void;
  /** Keeps the screen free, say for a question, until disposed of; what is told meanwhile is told then. */
  pause(): Disposable;
}

/** What a reporter may be told. */
export interface ReporterOptions {
  /** How much to tell: -1 only errors, 0 what happens, 1 each connection too. 0 by default. */
  verbosity?: number;
}

/** Whether a message of this level is told. */
export function isTold(
  level: Level,
  { verbosity = 0 }: ReporterOptions,
): boolean {
  switch (level) {
    case "error":
      return true;
    case "debug":
      return verbosity > 0;
    default:
      return verbosity >= 0;
  }
}
