import type { SupervisorEvent } from "../../../forward/supervise/supervisor_options.ts";
import { type Clock, systemClock } from "../clock.ts";
import { EventFormatter } from "./event_formatter.ts";
import type { Line } from "./line.ts";
import { oneLine } from "../../../text/one_line.ts";
import { type Output, writeText } from "../output.ts";
import { RepeatFilter } from "./repeat_filter.ts";
import {
  isReported,
  type Level,
  type Reporter,
  type ReporterOptions,
} from "../reporter.ts";

/** Options of an {@linkcode EventLog}. */
export interface EventLogOptions extends ReporterOptions {
  /** The prefix of each line; empty by default. */
  prefix?: ((now: Date) => string) | undefined;
  /** Whether there is a live view; what it shows is logged only with a verbosity of 1 then. */
  live?: boolean;
  /** The time; that of this machine by default. */
  clock?: Clock;
}

/** The time for a log file, in UTC: `2026-07-28T14:02:11Z `. */
export function timestamp(now: Date): string {
  return `${now.toISOString().slice(0, 19)}Z `;
}

/** Prints a plain line for each event. */
export class EventLog implements Reporter {
  readonly #out: Output;
  readonly #options: EventLogOptions;
  readonly #clock: Clock;
  readonly #formatter: EventFormatter;
  readonly #repeats: RepeatFilter;
  #ended = false;
  #lastDebug: string | undefined;

  /**
   * @param out Receives the lines; a failure to write them is ignored.
   */
  constructor(out: Output, options: EventLogOptions = {}) {
    this.#out = out;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#formatter = new EventFormatter((level) => isReported(level, options));
    this.#repeats = new RepeatFilter(
      this.#clock,
      (line) => this.#write(line),
    );
  }

  /** Reports an event. */
  event(event: SupervisorEvent): void {
    for (const line of this.#formatter.format(event)) this.#add(line);
  }

  /** Reports anything else. */
  message(level: Level, text: string): void {
    // sshd sends the same message twice after a login.
    if (level === "debug" && text === this.#lastDebug) return;
    this.#lastDebug = level === "debug" ? text : undefined;
    // The same warning comes with each attempt to connect.
    this.#add({ level, text, key: level === "warn" ? text : undefined });
  }

  /** A log does not use the screen. */
  pause(): Disposable {
    return { [Symbol.dispose]() {} };
  }

  /** Prints what was held back; later reports are dropped. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#repeats[Symbol.dispose]();
    this.#ended = true;
    return Promise.resolve();
  }

  #add(line: Line): void {
    if (this.#ended) return;
    // Output of the server is never suppressed.
    if (line.output) return this.#write(line);
    if (!isReported(line.level, this.#options)) return;
    const { live = false, verbosity = 0 } = this.#options;
    if (!live || !line.visible || verbosity > 0) this.#repeats.add(line);
  }

  #write({ text }: Line): void {
    const prefix = this.#options.prefix?.(new Date(this.#clock.now())) ?? "";
    const lines = text.split("\n").map((line) => `${prefix}${oneLine(line)}\n`);
    writeText(this.#out, lines.join(""));
  }
}
