import { ArgumentError } from "../../../errors.ts";
import { splitArguments, takeWord } from "./tokenize.ts";
import { shown } from "../../../text/shown.ts";

/** A line of ssh_config that sets something, or an `-o` option of the command line. */
export class ConfigLine {
  /** Where it stands, e.g. `/home/alice/.ssh/config:3` or `-o Port`. */
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
   * @param where Where it stands; of a keyword on the command line, if none is given.
   * @returns undefined if it says nothing: it is empty, a comment, or begins with a quote that is not closed.
   * @throws {ArgumentError} if there is no argument, or a quote in it is not closed.
   */
  static parse(text: string, where?: string): ConfigLine | undefined {
    // ssh reads lines as C strings. And it keeps the first character whatever it is.
    const line = text.replace(/\0[^]*/, "").replace(/(?!^)[ \t\r\n\f]+$/, "");
    let first = takeWord(line);
    if (first?.word === "") first = takeWord(first.rest ?? "");
    if (first === undefined || /^(?:#|$)/.test(first.word)) return undefined;
    const { rest = "" } = first;
    // No keyword is that long; what is may be a line of a key.
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

  /** The keyword, which has no case. */
  get keyword(): string {
    return this.name.toLowerCase();
  }

  /** Whether arguments are left. */
  get hasMore(): boolean {
    return this.#words.length > 0;
  }

  /** Takes the next argument; undefined if there is none. */
  next(): string | undefined {
    return this.#words.shift();
  }

  /**
   * Takes the next argument.
   *
   * @throws {ArgumentError} if there is none or it is empty.
   */
  word(): string {
    const word = this.next();
    if (!word) throw this.error("has no argument");
    return word;
  }

  /**
   * Takes all arguments that are left.
   *
   * @throws {ArgumentError} if one is empty.
   */
  words(): string[] {
    const words = this.#words.splice(0);
    if (words.includes("")) throw this.error("has an empty argument");
    return words;
  }

  /** Takes all that follows the keyword as one text, for a command: quotes and `#` are its own. */
  text(): string {
    this.#words.length = 0;
    return this.rest.replace(/^[ \t\r\n=]+/, "");
  }

  /**
   * Says that this is all the line may hold.
   *
   * @throws {ArgumentError} if an argument is left over.
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
    // Of a keyword on the command line, `where` names it already.
    const subject = this.where === `-o ${this.name}` ? "" : `${this.name} `;
    return new ArgumentError(
      this.where,
      `${subject}${problem}`,
      cause === undefined ? undefined : { cause },
    );
  }
}
