/** What became of a line that is being typed. */
export type LineState = "typing" | "entered" | "interrupted" | "ended";

/** What is left to skip of an arrow or function key. */
type Skipping = "nothing" | "escape" | "final" | "sequence";

/**
 * Puts together the line that a person types while the terminal leaves all
 * keys to the program. Arrow and function keys do nothing: nobody who cannot
 * see what they type can mean them to be part of it.
 */
export class LineEditor {
  readonly #decoder = new TextDecoder();
  readonly #characters: string[] = [];
  #skipping: Skipping = "nothing";

  /** What was typed so far. */
  get line(): string {
    return this.#characters.join("");
  }

  /**
   * Takes bytes as the terminal gives them; a character may come in pieces.
   * What follows the end of the line is dropped: it cannot be the answer to a
   * question that was not asked yet.
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

  /** Whether a character belongs to a key's sequence: ESC [ parameters final, or ESC O final (ECMA-48, xterm). */
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
