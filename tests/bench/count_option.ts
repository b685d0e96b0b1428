/** A number that an option gives; ends the program if it is none from 1. */
export function countOption(name: string, text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  console.error(`--${name} ${text}: a number from 1`);
  Deno.exit(2);
}
