/** It takes some 10 ms to create. */
let graphemes: Intl.Segmenter | undefined;

/** Characters that are two columns wide, as far as they are likely in names and paths. */
const WIDE =
  /^[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6\p{Emoji_Presentation}]/u;

/** Characters without a column of their own: combining marks and invisible ones. */
const NARROW = /^[\p{M}\p{Cf}\p{Cc}]/u;

/** The number of columns that a text takes on a terminal. */
export function textWidth(text: string): number {
  let width = 0;
  for (const { segment } of segments(text)) width += widthOf(segment);
  return width;
}

/** Truncates a text to a number of columns, with an ellipsis. */
export function truncate(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  let kept = "";
  let width = 0;
  for (const { segment } of segments(text)) {
    width += widthOf(segment);
    if (width > columns - 1) break;
    kept += segment;
  }
  return columns > 0 ? `${kept}…` : "";
}

/** Pads a text with spaces to a number of columns. */
export function pad(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - textWidth(text)));
}

function segments(text: string): Intl.Segments {
  graphemes ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  return graphemes.segment(text);
}

function widthOf(grapheme: string): number {
  return WIDE.test(grapheme) ? 2 : NARROW.test(grapheme) ? 0 : 1;
}
