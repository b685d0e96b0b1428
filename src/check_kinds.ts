import { ArgumentError } from "./errors.ts";
import { nearest } from "./text/nearest.ts";
import { checkObject, isPlain } from "./validate.ts";

/** The kinds of values, and what to use where a value is of another one. */
const accepted = {
  /** Checked elsewhere. */
  any: [() => true, ""],
  boolean: [(value) => typeof value === "boolean", "true or false"],
  function: [isFunction, "a function"],
  list: [Array.isArray, "a list"],
  logger: [
    (value) =>
      ["debug", "info", "warn", "error"].every((method) =>
        isFunction(value[method])
      ),
    "a logger with debug, info, warn and error, e.g. console",
  ],
  number: [(value) => typeof value === "number", "a number"],
  signal: [
    (value) => "aborted" in Object(value) && isFunction(value.addEventListener),
    "an AbortSignal",
  ],
  text: [(value) => typeof value === "string", "text"],
  booleanOrFunction: [
    (value) => typeof value === "boolean" || isFunction(value),
    "true, false or a function",
  ],
  textOrFunction: [
    (value) => typeof value === "string" || isFunction(value),
    "text or a function",
  ],
  // deno-lint-ignore no-explicit-any -- what is looked at can be anything
} satisfies Record<string, [(value: any) => boolean, string]>;

type KeysOfAll<T> = T extends unknown ? keyof T : never;

/** The kind of each option of `T`. TypeScript reports one that is missing here. */
export type Kinds<T> = Readonly<Record<KeysOfAll<T>, keyof typeof accepted>>;

/**
 * Finds options that are misspelled, or of another kind, where TypeScript has
 * not: they would have no effect, and one that limits who may connect would
 * admit everyone. Objects of classes may have more than is asked for. Values are
 * not shown, as they may be secrets.
 *
 * @param within The name of `options`; none for those of a function.
 * @param others Which names are accepted that are not options: those `unlike` any
 * of them, where an object is often spread that has more than options.
 * @throws {ArgumentError} that names the first one.
 */
export function checkKinds<T extends object>(
  options: T,
  kinds: Kinds<T>,
  within?: string,
  others: "none" | "unlike" = "none",
): void {
  checkObject(within ?? "options", options);
  const known = new Map<string, keyof typeof accepted>(Object.entries(kinds));
  const names = isPlain(options) ? Object.keys(options) : known.keys();
  for (const name of names) {
    const value: unknown = options[name as keyof T];
    if (value === undefined || value === null) continue;
    const kind = known.get(name);
    if (!kind && others === "unlike" && !nearest(name, known.keys())) continue;
    const [is, use] = kind ? accepted[kind] : [() => false, undefined];
    if (is(value)) continue;
    throw new ArgumentError(
      within === undefined ? name : `${within}.${name}`,
      use === undefined ? noSuchOption(name, [...known.keys()]) : `use ${use}`,
    );
  }
}

function noSuchOption(name: string, known: string[]): string {
  const meant = nearest(name, known);
  return `there is no such option; ${
    meant ? `did you mean ${meant}?` : `use ${known.join(", ")}`
  }`;
}

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}
