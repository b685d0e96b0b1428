/** A text of any length as one line, without what does something to a terminal or hides what is said. */
export function oneLine(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ");
}
