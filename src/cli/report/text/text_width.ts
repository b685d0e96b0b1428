const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** What terminals show two columns wide, as far as it is likely in a name or a path. */
const WIDE =
  /^[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6\p{Emoji_Presentation}]/u;

/** What takes no column of its own: combining marks and what is not seen at all. */
const NARROW = /^[\p{M}\p{Cf}\p{Cc}]/u;

/** How many columns of a terminal a text takes. */
export function textWidth(text: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += widthOf(segment);
  return width;
}

/** As much of a text as goes into so many columns, with an ellipsis where something is left out. */
export function truncate(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  let kept = "";
  let width = 0;
  for (const { segment } of graphemes.segment(text)) {
    width += widthOf(segment);
    if (width > columns - 1) break;
    kept += segment;
  }
  return columns > 0 ? `${kept}…` : "";
}

/** A text with spaces behind it, to fill so many columns. */
export function pad(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - textWidth(text)));
}

function widthOf(grapheme: string): number {
  return WIDE.test(grapheme) ? 2 : NARROW.test(grapheme) ? 0 : 1;
}
