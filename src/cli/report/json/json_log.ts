import { unprintable } from "../../../text/one_line.ts";
import type { SupervisorEvent } from "../../../forward/supervise/supervisor_options.ts";
import { type Clock, systemClock } from "../clock.ts";
import { eventJson, type JsonEventBody } from "./event_json.ts";
import { type Output, writeText } from "../output.ts";
import {
  isReported,
  type Level,
  type Reporter,
  type ReporterOptions,
} from "../reporter.ts";

/** Options of a {@linkcode JsonLog}. */
export interface JsonLogOptions extends ReporterOptions {
  /** The time; that of this machine by default. */
  clock?: Clock;
}

/** Reports to a program: all events, one JSON object a line (see `event_json.ts`). */
export class JsonLog implements Reporter {
  readonly #out: Output;
  readonly #options: JsonLogOptions;
  readonly #clock: Clock;
  #ended = false;

  /**
   * @param out Receives the lines; a failure to write them is ignored.
   */
  constructor(out: Output, options: JsonLogOptions = {}) {
    this.#out = out;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Reports an event. */
  event(event: SupervisorEvent): void {
    this.#write(eventJson(event));
  }

  /** Reports anything else. */
  message(level: Level, text: string): void {
    if (!isReported(level, this.#options)) return;
    this.#write({ type: "message", level, text });
  }

  /** A log does not use the screen. */
  pause(): Disposable {
    return { [Symbol.dispose]() {} };
  }

  /** Later reports are dropped. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    return Promise.resolve();
  }

  #write(body: JsonEventBody): void {
    if (this.#ended) return;
    const { type, ...fields } = body;
    const time = new Date(this.#clock.now()).toISOString();
    writeText(
      this.#out,
      `${escape(JSON.stringify({ type, time, ...fields }))}\n`,
    );
  }
}

/** JSON without characters that control a terminal, some of which JSON.stringify keeps. */
function escape(json: string): string {
  return json.replace(
    unprintable,
    (character) =>
      Array.from(
        { length: character.length },
        (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`,
      ).join(""),
  );
}
