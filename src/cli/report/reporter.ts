import type { SupervisorEvent } from "../../forward/supervise/supervisor_options.ts";

/** How much a message matters. */
export type Level = "debug" | "info" | "warn" | "error";

/** Reports what happens, to a person or a program. */
export interface Reporter extends AsyncDisposable {
  /** Reports an event of the connection or its tunnels. */
  event(event: SupervisorEvent): void;
  /** Reports anything else. Line breaks are kept, other control characters are not. */
  message(level: Level, text: string): void;
  /** Keeps the screen free, say for a question, until disposed of; reports are held back until then. */
  pause(): Disposable;
}

/** Options of a {@linkcode Reporter}. */
export interface ReporterOptions {
  /** How much to report: -1 only errors, 0 what happens, 1 each connection too. 0 by default. */
  verbosity?: number;
}

/** Whether a message of this level is reported. */
export function isReported(
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
