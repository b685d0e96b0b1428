/** What ssh's own command line asks for that the command `rforward` does not do, and the rest, which it does. */
export interface SshArguments {
  /** Local forwards (`-L`). */
  localForwards: string[];
  /** What stdin and stdout are to be connected with (`-W`). */
  stdioForward?: string;
  /** The socket that a connection is controlled by (`-S`). */
  controlPath?: string;
  /** Whether to listen on it (`-M`). */
  isMaster: boolean;
  /** What to ask the one who listens there (`-O`). */
  controlCommand?: string;
  /** Whether to go on in the background once all is set up (`-f`). */
  inBackground: boolean;
  /** Whether the agent is to be forwarded (`-A`). */
  forwardsAgent: boolean;
  /** What `rforward` takes. */
  rest: string[];
}

/** The options of ssh(1) that have a value. */
const WITH_VALUE = "bceilmopBDEFIJLOPQRSWw";

/** Splits a command line as getopt(3) and ssh(1) do: options before and after the host, then the command. */
export function splitSshArguments(argv: readonly string[]): SshArguments {
  const split: SshArguments = {
    localForwards: [],
    isMaster: false,
    inBackground: false,
    forwardsAgent: false,
    rest: [],
  };
  const words = [...argv];
  let hasHost = false;
  for (let word; (word = words.shift()) !== undefined;) {
    if (!/^-./.test(word)) {
      split.rest.push(word);
      if (hasHost) return { ...split, rest: [...split.rest, ...words] };
      hasHost = true;
      continue;
    }
    for (let at = 1; at < word.length; at++) {
      const letter = word[at]!;
      if (!WITH_VALUE.includes(letter)) {
        takeFlag(split, letter);
        continue;
      }
      takeValue(split, letter, word.slice(at + 1) || words.shift() || "");
      break;
    }
  }
  return split;
}

function takeFlag(split: SshArguments, letter: string): void {
  switch (letter) {
    case "M":
      split.isMaster = true;
      break;
    case "f":
      split.inBackground = true;
      break;
    case "A":
      split.forwardsAgent = true;
      break;
    default:
      split.rest.push(`-${letter}`);
  }
}

function takeValue(split: SshArguments, letter: string, value: string): void {
  switch (letter) {
    case "L":
      split.localForwards.push(value);
      break;
    case "W":
      split.stdioForward = value;
      break;
    case "S":
      split.controlPath = value;
      break;
    case "O":
      split.controlCommand = value;
      break;
    default:
      split.rest.push(`-${letter}`, value);
  }
}
