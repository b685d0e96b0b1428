/**
 * How OpenSSH splits a line of ssh_config into words. It has two ways, which
 * differ in quotes and backslashes.
 *
 * @module
 */

/** A word, and the rest of the line. */
export interface Word {
  /** The word, without its quotes. */
  word: string;
  /** What follows the separator; undefined at the end of the line. */
  rest: string | undefined;
}

/**
 * Reads the first word, for keywords and the criteria of `Match`: it is ended
 * by white space, by one `=`, or by the end of double quotes.
 *
 * @returns undefined if a quote is not closed.
 */
export function takeWord(text: string): Word | undefined {
  const end = text.search(/[ \t\r\n"=]/);
  if (end < 0) return { word: text, rest: undefined };
  const after = text.slice(end + 1);
  if (text[end] === '"') {
    const close = after.indexOf('"');
    if (close < 0) return undefined;
    return {
      word: text.slice(0, end) + after.slice(0, close),
      rest: after.slice(close + 1).replace(/^[ \t\r\n]+/, ""),
    };
  }
  const separator = text[end] === "="
    ? /^[ \t\r\n]+/
    : /^[ \t\r\n]*(?:=[ \t\r\n]*)?/;
  return { word: text.slice(0, end), rest: after.replace(separator, "") };
}

/**
 * Splits a line's arguments at spaces and tabs, with single and double quotes,
 * and backslashes before quotes, backslashes and (outside quotes) spaces. A `#`
 * at the start of an argument ends the line.
 *
 * @returns undefined if a quote is not closed.
 */
export function splitArguments(text: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    const blank = quote === "" && (char === " " || char === "\t");
    if (blank) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    if (word === undefined && char === "#") return words;
    word ??= "";
    const next = text.charAt(at + 1);
    if (
      char === "\\" && next !== "" && (quote ? `"'\\` : `"'\\ `).includes(next)
    ) {
      word += next;
      at++;
    } else if (quote === "" && (char === '"' || char === "'")) {
      quote = char;
    } else if (quote !== "" && char === quote) {
      quote = "";
    } else {
      word += char;
    }
  }
  if (quote !== "") return undefined;
  if (word !== undefined) words.push(word);
  return words;
}
