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

/** The size of a terminal. */
export interface TerminalSize {
  /** Characters in a line. */
  columns: number;
  /** Lines. */
  rows: number;
}

/** Options of a {@linkcode LiveView}. */
export interface LiveViewOptions extends ReporterOptions {
  /** The server as the user named it. */
  destination: string;
  /** The size, looked up before each drawing; that of this process's terminal by default. */
  size?: () => TerminalSize;
  /** Whether states have colours; by default unless `NO_COLOR` is set. */
  color?: boolean;
  /** The time; that of this machine by default. */
  clock?: Clock;
}

/** The minimum time between two drawings, in milliseconds. */
const FRAME_MS = 250;

/** The time between drawings while nothing happens, in milliseconds: for rates and countdowns. */
const IDLE_MS = 1000;

/**
 * Shows the current state at the bottom of a terminal, redrawn in place, and
 * prints events in lines that scroll above it.
 *
 * The hidden cursor rests at the start of the first drawn line: terminals that
 * rewrap lines when they are resized move it along, so the drawing can always
 * be found and cleared.
 *
 * The terminal is restored when the process exits, except by a signal: its
 * owner listens to those and disposes of the view.
 */
export class LiveView implements Reporter {
  readonly #snapshot: () => SupervisorSnapshot | undefined;
  readonly #out: Output;
  readonly #options: LiveViewOptions;
  readonly #clock: Clock;
  readonly #began: Date;
  readonly #log: EventLog;
  readonly #guard: TerminalGuard;
  /** By bind and target of a tunnel, as its position may change. */
  readonly #meters = new Map<string, readonly [RateMeter, RateMeter]>();
  /** The lines on the screen. */
  #shown: readonly string[] = [];
  #drawnAt = -Infinity;
  #timer: { at: number; cancel: () => void } | undefined;
  #pauses = 0;
  /** Reports from while it was paused. */
  #held = "";
  #ended = false;

  /**
   * Uses the bottom of the screen once there is something to show.
   *
   * @param snapshot The state to show; nothing is shown while it is undefined.
   * @param out The terminal; nothing is written once it has hung up.
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
      leave: () => {
        this.#leave();
        this.#out.flushSync?.();
      },
      redraw: () => this.#redraw(),
    });
  }

  /** Reports an event, and redraws. */
  event(event: SupervisorEvent): void {
    this.#log.event(event);
    this.#drawSoon();
  }

  /** Reports anything else, above the view. */
  message(level: Level, text: string): void {
    this.#log.message(level, text);
    this.#drawSoon();
  }

  /** Clears the view until disposed of, and holds back reports. */
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
    const now = this.#clock.elapsed();
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
    const now = this.#clock.elapsed();
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
      // The last column stays free: terminals differ in what they do after it.
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

  /** Replaces the drawn lines, and prints what stays above them. */
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

  /** Prints lines of the log above the view. */
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

  /** Redraws at the current position of the cursor. */
  #redraw(): void {
    this.#clear();
    this.#drawSoon();
  }

  #clear(): void {
    if (this.#shown.length > 0) writeText(this.#out, "\r\x1b[J\x1b[?25h");
    this.#shown = [];
  }

  /** Leaves the drawing on the screen, and the cursor below it. */
  #leave(): void {
    const { length } = this.#shown;
    if (length === 0) return;
    // The terminal may have printed ^C or ^Z at the cursor.
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
    // Not a terminal: assume the traditional size.
  }
  return { columns: 80, rows: 24 };
}
