import { ArgumentError } from "../../../errors.ts";
import { splitArguments, takeWord } from "./tokenize.ts";
import { shown } from "../../../text/shown.ts";

/** A line of ssh_config with an option, or an `-o` option of the command line. */
export class ConfigLine {
  /** Its place, e.g. `/home/alice/.ssh/config:3` or `-o Port`. */
  readonly where: string;
  /** Its keyword as it was written. */
  readonly name: string;
  /** What follows the keyword, as it was written. */
  readonly rest: string;
  /** The first argument. */
  readonly first: string;
  readonly #words: string[];

  /**
   * Splits a line.
   *
   * @param text The line, without its newline.
   * @param where Its place; by default the keyword on the command line.
   * @returns undefined if it is empty, a comment, or starts with a quote that is not closed.
   * @throws {ArgumentError} if there is no argument, or a quote in it is not closed.
   */
  static parse(text: string, where?: string): ConfigLine | undefined {
    // ssh reads lines as C strings, and always keeps the first character.
    const line = text.replace(/\0[^]*/, "").replace(/(?!^)[ \t\r\n\f]+$/, "");
    let first = takeWord(line);
    if (first?.word === "") first = takeWord(first.rest ?? "");
    if (first === undefined || /^(?:#|$)/.test(first.word)) return undefined;
    const { rest = "" } = first;
    // No keyword is longer; the text may be part of a key.
    const word = first.word.length > 60 ? "(too long)" : first.word;
    return new ConfigLine(where ?? `-o ${word}`, word, rest.trimStart());
  }

  private constructor(where: string, name: string, rest: string) {
    this.where = where;
    this.name = name;
    this.rest = rest;
    if (rest === "") throw this.error("has no argument");
    const words = splitArguments(rest);
    if (words === undefined) throw this.error("has a quote that is not closed");
    this.#words = words;
    this.first = words[0] ?? "";
  }

  /** The keyword in lower case. */
  get keyword(): string {
    return this.name.toLowerCase();
  }

  /** Whether arguments are left. */
  get hasMore(): boolean {
    return this.#words.length > 0;
  }

  /** Reads the next argument; undefined at the end of the line. */
  next(): string | undefined {
    return this.#words.shift();
  }

  /**
   * Reads the next argument.
   *
   * @throws {ArgumentError} if it is missing or empty.
   */
  word(): string {
    const word = this.next();
    if (!word) throw this.error("has no argument");
    return word;
  }

  /**
   * Reads all remaining arguments.
   *
   * @throws {ArgumentError} if one is empty.
   */
  words(): string[] {
    const words = this.#words.splice(0);
    if (words.includes("")) throw this.error("has an empty argument");
    return words;
  }

  /** Reads everything after the keyword as one text, for a command: quotes and `#` belong to it. */
  text(): string {
    this.#words.length = 0;
    return this.rest.replace(/^[ \t\r\n=]+/, "");
  }

  /**
   * Checks that no argument is left.
   *
   * @throws {ArgumentError} if one is.
   */
  end(): void {
    const [extra] = this.#words;
    if (extra === undefined) return;
    throw this.error(
      `has more arguments than it takes: ${shown(extra)}`,
    );
  }

  /** An error about this line. */
  error(problem: string, cause?: unknown): ArgumentError {
    // On the command line, `where` names the keyword.
    const subject = this.where === `-o ${this.name}` ? "" : `${this.name} `;
    return new ArgumentError(
      this.where,
      `${subject}${problem}`,
      cause === undefined ? undefined : { cause },
    );
  }
}
