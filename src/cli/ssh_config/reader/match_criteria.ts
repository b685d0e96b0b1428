import type { ConfigLine } from "./config_line.ts";
import { matchesHostList, matchesPatternList } from "./patterns.ts";
import { takeWord } from "./tokenize.ts";
import { shown } from "../../../text/shown.ts";

/** What the criteria of a `Match` line are compared with. */
export interface MatchSubject {
  /** The destination's host as it was typed. */
  readonly originalHost: string;
  /** The host to connect to, according to what was read so far. */
  readonly host: () => Promise<string>;
  /** The user there, according to what was read so far. */
  readonly user: () => string;
  /** The local user. */
  readonly localUser: () => string;
  /** Whether the files are read a second time. */
  readonly final: boolean;
  /** Requests a second time. */
  readonly wantFinal: () => void;
  /** Whether a command succeeds; undefined if it cannot be run, so that nothing matches. */
  readonly exec: (command: string) => Promise<boolean | undefined>;
  /** Warns of a criterion of a later release, which never matches here. */
  readonly warn: (criterion: string) => void;
}

/** Criteria of releases after 9.2, all of which take an argument. */
const later = new Set([
  "command",
  "localnetwork",
  "sessiontype",
  "tagged",
  "version",
]);

/**
 * Whether all criteria of a `Match` line hold (ssh_config(5), "Match"). After one
 * that does not, the others are only checked, and no command is run.
 *
 * @throws {ArgumentError} if ssh would refuse the line.
 */
export async function matches(
  line: ConfigLine,
  subject: MatchSubject,
): Promise<boolean> {
  let matched = true;
  let count = 0;
  let rest: string | undefined = line.rest;
  const take = (): string | undefined => {
    const taken = rest === undefined ? undefined : takeWord(rest);
    rest = taken?.rest;
    return taken?.word;
  };
  for (let name = take(); name; name = take()) {
    if (name.startsWith("#")) break;
    const negated = name.startsWith("!");
    const criterion = (negated ? name.slice(1) : name).toLowerCase();
    if (criterion === "all") {
      const next = take();
      if (count > 1 || (next && !next.startsWith("#"))) {
        throw line.error("all cannot be combined with other criteria");
      }
      return matched && !negated;
    }
    count++;
    const holds = await check(criterion);
    matched &&= holds !== undefined && holds !== negated;
  }
  if (count === 0) throw line.error("has no criteria");
  return matched;

  /** Whether a criterion holds; undefined if it is unknown. */
  async function check(criterion: string): Promise<boolean | undefined> {
    if (criterion === "final") subject.wantFinal();
    if (criterion === "final" || criterion === "canonical") {
      return subject.final;
    }
    const value = take();
    if (!value || value.startsWith("#")) {
      throw line.error(`${criterion} has no argument`);
    }
    switch (criterion) {
      case "host":
        return matchesHostList(await subject.host(), value);
      case "originalhost":
        return matchesHostList(subject.originalHost, value);
      case "user":
        return matchesPatternList(subject.user(), value);
      case "localuser":
        return matchesPatternList(subject.localUser(), value);
      case "exec":
        return matched ? await subject.exec(value) : false;
    }
    if (!later.has(criterion)) {
      throw line.error(`has no criterion ${shown(criterion)}`);
    }
    subject.warn(criterion);
    return undefined;
  }
}
