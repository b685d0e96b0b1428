import type { Output } from "../../../../src/cli/report/output.ts";

/** An emulated terminal: the part of a VT100 that is needed; unknown sequences throw. */
export class Screen implements Output {
  readonly #rows: string[][];
  /** What has left the screen at its top. */
  readonly scrolledOff: string[] = [];
  cursor = { row: 0, column: 0, visible: true };
  /** How often something was written. */
  writes = 0;
  /** All that was written. */
  raw = "";
  columns: number;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.#rows = Array.from({ length: rows }, () => []);
  }

  get size(): { columns: number; rows: number } {
    return { columns: this.columns, rows: this.#rows.length };
  }

  /** The lines, without empty ones at the end. */
  get lines(): string[] {
    const lines = this.#rows.map((row) =>
      Array.from(row, (cell) => cell ?? " ").join("").trimEnd()
    );
    while (lines.at(-1) === "") lines.pop();
    return lines;
  }

  writeSync(bytes: Uint8Array): number {
    this.writes++;
    const text = new TextDecoder().decode(bytes);
    this.raw += text;
    // deno-lint-ignore no-control-regex -- ESC begins what moves the cursor
    for (const [token] of text.matchAll(/\x1b\[[?\d;]*[A-Za-z]|[^]/gu)) {
      this.#take(token);
    }
    return bytes.length;
  }

  #take(token: string): void {
    const { cursor } = this;
    const row = this.#rows[cursor.row]!;
    const n = Number(/\d+/.exec(token)?.[0] ?? 1);
    if (token === "\r") cursor.column = 0;
    else if (token === "\n") this.#down();
    else if (!token.startsWith("\x1b")) this.#put(token);
    else if (token === "\x1b[K") {
      row.length = Math.min(row.length, cursor.column);
    } else if (token === "\x1b[J") {
      row.length = Math.min(row.length, cursor.column);
      for (const below of this.#rows.slice(cursor.row + 1)) below.length = 0;
    } else if (token.endsWith("A")) cursor.row = Math.max(0, cursor.row - n);
    else if (token.endsWith("B")) {
      cursor.row = Math.min(this.#rows.length - 1, cursor.row + n);
    } else if (token === "\x1b[?25l") cursor.visible = false;
    else if (token === "\x1b[?25h") cursor.visible = true;
    else if (!token.endsWith("m")) {
      throw new Error(`unknown: ${JSON.stringify(token)}`);
    }
  }

  #put(character: string): void {
    if (character < " ") {
      throw new Error(`unknown: ${JSON.stringify(character)}`);
    }
    const { cursor } = this;
    if (cursor.column >= this.columns) {
      cursor.column = 0;
      this.#down();
    }
    this.#rows[cursor.row]![cursor.column++] = character;
  }

  #down(): void {
    if (this.cursor.row < this.#rows.length - 1) {
      this.cursor.row++;
      return;
    }
    this.scrolledOff.push(this.#rows.shift()!.join("").trimEnd());
    this.#rows.push([]);
  }
}
