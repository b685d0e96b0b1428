/** How the options that name files and commands expand their values. @module */

import type { Scope, Written } from "../options/option.ts";
import { expandTilde, expandTokens, type Tokens } from "./expand.ts";

/** `~`, tokens and variables, in this order. */
export function expandPath(
  { value, line }: Written<string>,
  { machine, tokens }: Scope,
): Promise<string> {
  const path = expandTilde(value, line, machine);
  return expandTokens(path, line, tokens, (name) => machine.env(name));
}

/** The tokens of a command; undefined for `none`, or if there is no text. */
export async function expandCommand(
  written: Written<string> | undefined,
  tokens: Tokens,
): Promise<string | undefined> {
  if (written === undefined || isNone(written)) return undefined;
  const { value, line } = written;
  return await expandTokens(value, line, tokens) || undefined;
}

/** Leaves out `none`. */
export function withoutNone<T extends Written<string>>(
  values: readonly T[],
): T[] {
  return values.filter((value) => !isNone(value));
}

/** Whether a value is `none`, in any case. */
export function isNone({ value }: Written<string>): boolean {
  return value.toLowerCase() === "none";
}
