import { ArgumentError } from "../../errors.ts";
import type { Flag } from "./flag.ts";
import { flags } from "./flag_table.ts";
import { nearest } from "../../text/nearest.ts";

/** A part of a command line: a flag, the destination, or the command to run there. */
export type CommandLineItem =
  | { flag: Flag; name: string; value: string }
  | { destination: string }
  | { command: string };

const byName = new Map(
  flags.flatMap((flag) => flag.names.map((name) => [name, flag])),
);

/**
 * Reads a command line as getopt(3) does: `-p 22`, `-p22` and `-vvNp22`; long
 * flags as `--drain 5` or `--drain=5`; no flags after `--`. The first other word
 * is the destination, with flags before and after it; the second one begins
 * the command, which takes the rest of the line, as in ssh.
 *
 * @throws {ArgumentError} at a flag that is unknown or lacks its value.
 */
export function* getopt(
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
      const [, name = "", attached] = /^([^=]*)(?:=(.*))?$/s.exec(word)!;
      yield item(name, attached, words);
    } else {
      yield* cluster(word.slice(1), words);
    }
  }
}

/** Several short flags in one word; the first that takes a value takes the rest of it. */
function* cluster(
  letters: string,
  words: string[],
): Generator<CommandLineItem> {
  for (let at = 0; at < letters.length; at++) {
    const name = `-${letters[at]}`;
    if (known(name).value === undefined) {
      yield item(name, undefined, words);
    } else {
      yield item(name, letters.slice(at + 1) || undefined, words);
      return;
    }
  }
}

function item(
  name: string,
  attached: string | undefined,
  words: string[],
): CommandLineItem {
  const flag = known(name);
  if (flag.value === undefined) {
    if (attached === undefined) return { flag, name, value: "" };
    throw new ArgumentError(name, "takes no value");
  }
  const value = attached ?? words.shift();
  if (value !== undefined) return { flag, name, value };
  throw new ArgumentError(name, `a value is missing: ${flag.value.name}`);
}

function known(name: string): Flag {
  const flag = byName.get(name);
  if (flag !== undefined) return flag;
  const meant = nearest(name, byName.keys());
  throw new ArgumentError(
    name,
    `unknown option${meant === undefined ? "" : `; did you mean ${meant}?`}`,
  );
}
