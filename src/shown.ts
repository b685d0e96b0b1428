/** How much of a value a message shows, in characters. */
const MAX_LENGTH = 80;

/**
 * A value of the user's for a message, in quotes if it is text. Text of several
 * lines, or with the beginning of a key in it, is not shown: keys get into the
 * place of paths and names by mistake.
 */
export function shown(value: unknown): string {
  if (typeof value !== "string") return `${value}`.slice(0, MAX_LENGTH);
  if (/[\r\n]|-----BEGIN/.test(value)) return "text that looks like a key";
  const text = JSON.stringify(value);
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}

/** A message without the keys that got into it. */
export function withoutKeys(message: string): string {
  return message.replaceAll(
    /-----BEGIN[^]*?(?:-----END[\w ]*-----|(?![^]))/g,
    "(a key, not shown)",
  );
}
