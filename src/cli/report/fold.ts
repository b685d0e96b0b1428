import type { Clock } from "./clock.ts";
import type { Line } from "./narrator.ts";

/** How long a line is not said again, in milliseconds: at first, and at most. It doubles while it goes on. */
const FIRST_MS = 60_000;
const MOST_MS = 3_600_000;

/** A line that was said, and what came of it since. */
interface Said {
  line: Line;
  /** How many times it came again and was not said. */
  repeats: number;
  quietMs: number;
  cancel: () => void;
}

/**
 * Says lines that come again and again only once: at first at once, then how
 * many times more, before the next line that is another one, or after a
 * minute, two, four and so on up to an hour.
 *
 * Lines with one key are the same line. One without a key tells of a change,
 * after which everything is news again; unless it is for debugging, as those
 * tell of everything.
 */
export class Fold implements Disposable {
  readonly #clock: Clock;
  readonly #say: (line: Line) => void;
  readonly #said = new Map<string, Said>();

  /**
   * Begins with nothing said.
   *
   * @param say Takes the lines that are left.
   */
  constructor(clock: Clock, say: (line: Line) => void) {
    this.#clock = clock;
    this.#say = say;
  }

  /** Takes a line. */
  add(line: Line): void {
    const said = line.key === undefined ? undefined : this.#said.get(line.key);
    if (said) {
      said.line = line;
      said.repeats++;
      return;
    }
    this.#sayRepeats();
    if (line.key !== undefined) this.#remember(line.key, line);
    else if (line.level !== "debug") this.#forget();
    this.#say(line);
  }

  /** Says what is still to be said. */
  [Symbol.dispose](): void {
    this.#sayRepeats();
    this.#forget();
  }

  #remember(key: string, line: Line): void {
    const said = { line, repeats: 0, quietMs: FIRST_MS, cancel: () => {} };
    this.#said.set(key, said);
    const wait = () => {
      said.cancel = this.#clock.after(said.quietMs, () => {
        if (said.repeats === 0) return void this.#said.delete(key);
        this.#sayRepeat(said);
        said.quietMs = Math.min(2 * said.quietMs, MOST_MS);
        wait();
      });
    };
    wait();
  }

  #forget(): void {
    for (const { cancel } of this.#said.values()) cancel();
    this.#said.clear();
  }

  #sayRepeats(): void {
    for (const said of this.#said.values()) {
      if (said.repeats > 0) this.#sayRepeat(said);
    }
  }

  #sayRepeat(said: Said): void {
    const { line, repeats } = said;
    const times = repeats === 1 ? "once" : `${repeats} times`;
    said.repeats = 0;
    this.#say({ ...line, text: `${line.text} (repeated ${times})` });
  }
}
