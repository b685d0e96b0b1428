import type {
  SupervisorEvent,
  SupervisorSnapshot,
} from "../../../forward/supervise/supervisor_options.ts";
import { formatBind } from "../../../ssh/bind.ts";
import { type Clock, systemClock } from "../clock.ts";
import { EventLog } from "../lines/event_log.ts";
import { type Output, writeText } from "../output.ts";
import { RateMeter } from "./rate_meter.ts";
import type { Level, Reporter, ReporterOptions } from "../reporter.ts";
import {
  type Rates,
  type Span,
  statusLines,
  type StatusOptions,
  summaryLines,
} from "./status_lines.ts";
import { TerminalGuard } from "./terminal_guard.ts";

/** How big a terminal is. */
export interface TerminalSize {
  /** How many characters go into a line. */
  columns: number;
  /** How many lines there are. */
  rows: number;
}

/** Options of a {@linkcode LiveView}. */
export interface LiveViewOptions extends ReporterOptions {
  /** The server as the user named it. */
  destination: string;
  /** Asked before each drawing; the size of this process's terminal by default. */
  size?: () => TerminalSize;
  /** Whether states have colours; by default unless `NO_COLOR` is set. */
  color?: boolean;
  /** The time; that of this machine by default. */
  clock?: Clock;
}

/** The least time between two drawings, in milliseconds. */
const FRAME_MS = 250;

/** How often to look whether anything runs, or to count down, in milliseconds. */
const IDLE_MS = 1000;

/**
 * Shows the state of it all at the bottom of a terminal, redrawn in place, and
 * prints what happens in lines that scroll above it.
 *
 * The cursor rests, unseen, at the beginning of the first line that was drawn:
 * terminals that wrap lines anew when they are resized take it along, so what
 * was drawn can be found and cleared whatever became of it.
 *
 * However the process ends, the terminal is left in order, as far as it can
 * know: a signal that ends it is its owner's to listen to, and to dispose of
 * the view.
 */
export class LiveView implements Reporter {
  readonly #snapshot: () => SupervisorSnapshot | undefined;
  readonly #out: Output;
  readonly #options: LiveViewOptions;
  readonly #clock: Clock;
  readonly #began: Date;
  readonly #log: EventLog;
  readonly #guard: TerminalGuard;
  /** By what a tunnel is, as its place may change. */
  readonly #meters = new Map<string, readonly [RateMeter, RateMeter]>();
  /** What is on the screen, line by line. */
  #shown: readonly string[] = [];
  #drawnAt = -Infinity;
  #timer: { at: number; cancel: () => void } | undefined;
  #pauses = 0;
  /** What was reported while it was paused. */
  #held = "";
  #ended = false;

  /**
   * Takes the bottom of the screen once there is something to show.
   *
   * @param snapshot What to show; nothing while it is undefined.
   * @param out The terminal; once it has hung up, nothing is written.
   */
  constructor(
    snapshot: () => SupervisorSnapshot | undefined,
    out: Output,
    options: LiveViewOptions,
  ) {
    this.#snapshot = snapshot;
    this.#out = out;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#began = new Date(this.#clock.now());
    this.#log = new EventLog({ writeSync: (bytes) => this.#scroll(bytes) }, {
      ...options,
      clock: this.#clock,
      live: true,
      prefix: (now) => `${now.toTimeString().slice(0, 8)} `,
    });
    this.#guard = new TerminalGuard({
      leave: () => this.#leave(),
      redraw: () => this.#redraw(),
    });
  }

  /** Reports an event, and redraws. */
  event(event: SupervisorEvent): void {
    this.#log.event(event);
    if (event.type === "connection") {
      event.connection.closed.then(() => this.#drawSoon());
    }
    this.#drawSoon();
  }

  /** Reports anything else, above the view. */
  message(level: Level, text: string): void {
    this.#log.message(level, text);
    this.#drawSoon();
  }

  /** Takes the view off the screen until disposed of, and holds back reports. */
  pause(): Disposable {
    this.#pauses++;
    this.#clear();
    return {
      [Symbol.dispose]: () => {
        if (--this.#pauses > 0 || this.#ended) return;
        this.#release();
        this.#drawSoon();
      },
    };
  }

  /** Leaves a last summary on the screen. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    await this.#log[Symbol.asyncDispose]();
    this.#ended = true;
    this.#timer?.cancel();
    this.#guard[Symbol.dispose]();
    this.#release();
    const snapshot = this.#snapshot();
    if (!snapshot) return;
    const lines = summaryLines(snapshot, this.#began, this.#measures());
    this.#shown = lines.map((line) => this.#paint(line));
    this.#leave();
  }

  #drawSoon(ms = 0): void {
    if (this.#ended || this.#pauses > 0) return;
    const now = this.#clock.now();
    const at = Math.max(now + ms, this.#drawnAt + FRAME_MS);
    if (this.#timer && this.#timer.at <= at) return;
    this.#timer?.cancel();
    const cancel = this.#clock.after(at - now, () => {
      this.#timer = undefined;
      this.#draw();
    });
    this.#timer = { at, cancel };
  }

  #draw(): void {
    const snapshot = this.#snapshot();
    if (!snapshot || this.#ended || this.#pauses > 0) return;
    const now = this.#clock.now();
    this.#drawnAt = now;
    const rates = this.#measure(snapshot, now);
    const lines = statusLines(snapshot, { ...this.#measures(), rates });
    const painted = lines.map((line) => this.#paint(line));
    if (painted.join("\n") !== this.#shown.join("\n")) this.#show(painted);

    const runs = rates.some((r) => r.toTarget > 0 || r.toServer > 0);
    const mayRun = snapshot.tunnels.some(({ live }) => live > 0);
    const counts = [snapshot, ...snapshot.tunnels].some((s) => s.until);
    if (runs) this.#drawSoon(FRAME_MS);
    else if (mayRun || counts) this.#drawSoon(IDLE_MS);
  }

  #measure({ tunnels }: SupervisorSnapshot, now: number): Rates[] {
    return tunnels.map(({ asked, target, bytesToTarget, bytesToServer }) => {
      const key = `${formatBind(asked)} ${target}`;
      const meters = this.#meters.get(key) ??
        [new RateMeter(), new RateMeter()] as const;
      this.#meters.set(key, meters);
      return {
        toTarget: meters[0].sample(now, bytesToTarget),
        toServer: meters[1].sample(now, bytesToServer),
      };
    });
  }

  #measures(): Omit<StatusOptions, "rates"> {
    const { destination, size = consoleSize } = this.#options;
    const { columns, rows } = size();
    return {
      destination,
      // The last column stays free: what terminals do after it differs.
      columns: columns - 1,
      rows: Math.max(1, rows - 1),
      now: new Date(this.#clock.now()),
    };
  }

  #paint(line: readonly Span[]): string {
    const { color = !Deno.noColor } = this.#options;
    return line.map(({ text, color: name }) =>
      color && name ? `\x1b[${COLORS[name]}m${text}\x1b[39m` : text
    ).join("");
  }

  /** Draws lines in the place of those that are there, below what is to stay. */
  #show(lines: readonly string[], above = ""): void {
    const back = lines.length > 1 ? `\x1b[${lines.length - 1}A` : "";
    writeText(
      this.#out,
      [
        "\x1b[?25l\r",
        above && `\x1b[J${above}`,
        lines.map((line) => `${line}\x1b[K`).join("\r\n"),
        `\x1b[J${back}\r`,
      ].join(""),
    );
    this.#shown = lines;
  }

  /** Takes lines of the log. */
  #scroll(bytes: Uint8Array): number {
    const text = new TextDecoder().decode(bytes).replaceAll("\n", "\r\n");
    if (this.#pauses > 0) this.#held += text;
    else if (this.#shown.length > 0) this.#show(this.#shown, text);
    else writeText(this.#out, text);
    return bytes.length;
  }

  /** Prints what was held back. */
  #release(): void {
    if (this.#held !== "") writeText(this.#out, this.#held);
    this.#held = "";
  }

  /** Draws anew, wherever the cursor is now. */
  #redraw(): void {
    this.#clear();
    this.#drawSoon();
  }

  #clear(): void {
    if (this.#shown.length > 0) writeText(this.#out, "\r\x1b[J\x1b[?25h");
    this.#shown = [];
  }

  /** Leaves what is shown on the screen, and the cursor below it. */
  #leave(): void {
    const { length } = this.#shown;
    if (length === 0) return;
    // The terminal may have shown a ^C or ^Z where the cursor was.
    this.#show(this.#shown);
    const down = length > 1 ? `\x1b[${length - 1}B` : "";
    writeText(this.#out, `${down}\r\n\x1b[?25h`);
    this.#shown = [];
  }
}

const COLORS = { red: 31, green: 32, yellow: 33 } as const;

function consoleSize(): TerminalSize {
  try {
    const { columns, rows } = Deno.consoleSize();
    if (columns > 0 && rows > 0) return { columns, rows };
  } catch {
    // No terminal that it knows of: the size that all once had.
  }
  return { columns: 80, rows: 24 };
}
