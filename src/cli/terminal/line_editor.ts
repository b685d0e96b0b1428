/** The state of a line that is being typed. */
export type LineState = "typing" | "entered" | "interrupted" | "ended";

/** What is to be skipped of an arrow or function key. */
type Skipping = "nothing" | "escape" | "final" | "sequence";

/**
 * Edits a line that is typed while the terminal passes on all keys. Arrow and
 * function keys are ignored: without echo, they cannot be meant as text.
 */
export class LineEditor {
  readonly #decoder = new TextDecoder();
  readonly #characters: string[] = [];
  #skipping: Skipping = "nothing";

  /** The text so far. */
  get line(): string {
    return this.#characters.join("");
  }

  /**
   * Handles bytes from the terminal; a character may be split. What follows the end
   * of the line is dropped: it cannot answer a question that was not asked yet.
   */
  type(bytes: Uint8Array): LineState {
    for (const character of this.#decoder.decode(bytes, { stream: true })) {
      const state = this.#key(character);
      if (state !== "typing") return state;
    }
    return "typing";
  }

  #key(character: string): LineState {
    if (this.#skips(character)) return "typing";
    switch (character) {
      case "\r":
      case "\n":
        return "entered";
      case "\x03": // Ctrl-C
        return "interrupted";
      case "\x04": // Ctrl-D
        return this.#characters.length === 0 ? "ended" : "typing";
      case "\b": // Ctrl-H, and Backspace of some terminals
      case "\x7f":
        this.#characters.pop();
        return "typing";
      case "\x15": // Ctrl-U
        this.#characters.length = 0;
        return "typing";
    }
    if (character >= " " || character === "\t") {
      this.#characters.push(character);
    }
    return "typing";
  }

  /** Whether a character is part of a key's escape sequence: ESC [ parameters final, or ESC O final (ECMA-48, xterm). */
  #skips(character: string): boolean {
    const before = this.#skipping;
    this.#skipping = character === "\x1b" ? "escape" : "nothing";
    if (character === "\x1b") return true;
    if (before === "escape" && character === "[") this.#skipping = "sequence";
    else if (before === "escape" && character === "O") this.#skipping = "final";
    else if (before === "sequence" && !/[@-~]/.test(character)) {
      this.#skipping = "sequence";
    } else return before === "sequence" || before === "final";
    return true;
  }
}
