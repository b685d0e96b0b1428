/** A number that an option gives; exits if it is not a positive integer. */
export function countOption(name: string, text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  console.error(`--${name} ${text}: a number from 1`);
  Deno.exit(2);
}
