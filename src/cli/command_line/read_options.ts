import { ArgumentError } from "../../errors.ts";
import { nearest } from "./nearest.ts";
import { type Option, options } from "./options.ts";

/** What stands on a command line: an option, the destination, or the command to run there. */
export type CommandLineItem =
  | { option: Option; flag: string; value: string }
  | { destination: string }
  | { command: string };

const byFlag = new Map(
  options.flatMap((option) => option.flags.map((flag) => [flag, option])),
);

/**
 * Reads a command line as getopt(3) does: `-p 22`, `-p22` and `-vvNp22`; long
 * options as `--drain 5` or `--drain=5`; no options after `--`. The first word
 * that is no option is the destination. Options may come before and after it;
 * the second such word begins a command, which has all that follows, as in ssh.
 *
 * @throws {ArgumentError} at an option that is unknown or lacks its value.
 */
export function* readOptions(
  argv: readonly string[],
): Generator<CommandLineItem, void, undefined> {
  const words = [...argv];
  let hasDestination = false;
  let hasEnded = false;
  for (let word; (word = words.shift()) !== undefined;) {
    if (!hasEnded && word === "--") {
      hasEnded = true;
    } else if (hasEnded || word === "-" || !word.startsWith("-")) {
      if (hasDestination) {
        return yield { command: [word, ...words].join(" ") };
      }
      hasDestination = true;
      yield { destination: word };
    } else if (word.startsWith("--")) {
      const [flag, attached] = cut(word, word.indexOf("="), 1);
      yield item(flag, attached, words);
    } else {
      yield* cluster(word.slice(1), words);
    }
  }
}

/** Several short options in one word; the first that takes a value takes the rest of it. */
function* cluster(
  letters: string,
  words: string[],
): Generator<CommandLineItem> {
  for (let at = 0; at < letters.length; at++) {
    const flag = `-${letters[at]}`;
    const rest = letters.slice(at + 1) || undefined;
    if (known(flag).value === undefined) {
      yield item(flag, undefined, words);
    } else {
      yield item(flag, rest, words);
      return;
    }
  }
}

function item(
  flag: string,
  attached: string | undefined,
  words: string[],
): CommandLineItem {
  const option = known(flag);
  if (option.value === undefined) {
    if (attached === undefined) return { option, flag, value: "" };
    throw new ArgumentError(flag, "takes no value");
  }
  const value = attached ?? words.shift();
  if (value !== undefined) return { option, flag, value };
  throw new ArgumentError(flag, `a value is missing: ${option.value.name}`);
}

function known(flag: string): Option {
  const option = byFlag.get(flag);
  if (option !== undefined) return option;
  const meant = nearest(flag, byFlag.keys());
  throw new ArgumentError(
    flag,
    `unknown option${meant === undefined ? "" : `; did you mean ${meant}?`}`,
  );
}

function cut(
  text: string,
  at: number,
  length: number,
): [string, string | undefined] {
  return at < 0
    ? [text, undefined]
    : [text.slice(0, at), text.slice(at + length)];
}
