/** What does something to a terminal or hides what is said: control and format characters, and line separators. */
export const unprintable = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** A text of any length as one line, with a space for what is {@linkcode unprintable}. */
export function oneLine(text: string): string {
  return text.replace(RUNS, " ");
}

const RUNS = new RegExp(`${unprintable.source}+`, "gu");
