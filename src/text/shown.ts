/** How much of a value a message shows, in characters. */
const MAX_LENGTH = 80;

/** Whether text has several lines, or the beginning of a key in it. */
export function looksLikeKey(text: string): boolean {
  return /[\r\n]|-----BEGIN/.test(text);
}

/**
 * A value of the user's for a message, in quotes if it is text. Text of several
 * lines, or with the beginning of a key in it, is not shown: keys get into the
 * place of paths and names by mistake.
 */
export function shown(value: unknown): string {
  if (typeof value !== "string") return `${value}`.slice(0, MAX_LENGTH);
  if (looksLikeKey(value)) return "text that looks like a key";
  const text = JSON.stringify(value);
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}

/** A key from its first line to its last, or to the end; and lines of base64 that are the rest of one. */
const KEY =
  /-----BEGIN[^]*?(?:-----END[\w ]*-----|(?![^]))|[\w+/=]{40,200}[ \t]*\r?\n[\w+/=]{8}[\w+/=\s]*(?:-----END[\w ]*-----)?/g;

/** A message without the keys that got into it. */
export function withoutKeys(message: string): string {
  return message.replaceAll(KEY, "(a key, not shown)");
}
