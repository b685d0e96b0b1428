import type { Clock } from "../clock.ts";
import type { Line } from "./line.ts";

/** How long a line is suppressed, in milliseconds: at first, and at most. It doubles while repeats keep coming. */
const FIRST_MS = 60_000;
const MOST_MS = 3_600_000;

/** How many lines are remembered; the oldest is forgotten first. */
const MAX_LINES = 256;

/** A line that was printed, and its repeats since. */
interface Entry {
  line: Line;
  /** How many repeats were suppressed. */
  repeats: number;
  quietMs: number;
  cancel: () => void;
}

/**
 * Suppresses lines that keep repeating: the first is printed at once, then the
 * number of repeats, before the next different line or after a minute, two,
 * four and so on up to an hour.
 *
 * Lines with the same key are the same line. A line without a key, unless it is
 * a debug line, reports a change, after which nothing counts as a repeat.
 */
export class RepeatFilter implements Disposable {
  readonly #clock: Clock;
  readonly #print: (line: Line) => void;
  /** By their keys, oldest first. */
  readonly #entries = new Map<string, Entry>();
  /** Those with repeats to report. */
  readonly #repeated = new Set<Entry>();

  /** @param print Receives the lines that pass. */
  constructor(clock: Clock, print: (line: Line) => void) {
    this.#clock = clock;
    this.#print = print;
  }

  /** Passes on a line, unless it repeats one. */
  add(line: Line): void {
    const { key } = line;
    const entry = key === undefined ? undefined : this.#entries.get(key);
    if (entry) {
      entry.line = line;
      entry.repeats++;
      this.#repeated.add(entry);
      return;
    }
    this.#printRepeats();
    if (key !== undefined) this.#remember(key, line);
    else if (line.level !== "debug") this.#forgetAll();
    this.#print(line);
  }

  /** Prints the pending numbers of repeats. */
  [Symbol.dispose](): void {
    this.#printRepeats();
    this.#forgetAll();
  }

  #remember(key: string, line: Line): void {
    const entry = { line, repeats: 0, quietMs: FIRST_MS, cancel: () => {} };
    this.#entries.set(key, entry);
    const wait = () => {
      entry.cancel = this.#clock.after(entry.quietMs, () => {
        if (entry.repeats === 0) return void this.#entries.delete(key);
        this.#printRepeat(entry);
        entry.quietMs = Math.min(2 * entry.quietMs, MOST_MS);
        wait();
      });
    };
    wait();
    const [oldest] = this.#entries;
    if (this.#entries.size <= MAX_LINES || !oldest) return;
    // Its repeats, if it had any, were printed just before this line.
    oldest[1].cancel();
    this.#entries.delete(oldest[0]);
  }

  #forgetAll(): void {
    for (const { cancel } of this.#entries.values()) cancel();
    this.#entries.clear();
  }

  #printRepeats(): void {
    for (const entry of this.#repeated) this.#printRepeat(entry);
  }

  #printRepeat(entry: Entry): void {
    const { line, repeats } = entry;
    const times = repeats === 1 ? "once" : `${repeats} times`;
    entry.repeats = 0;
    this.#repeated.delete(entry);
    this.#print({ ...line, text: `${line.text} (repeated ${times})` });
  }
}
