/** Tokens, variables and `~` (ssh_config(5), "TOKENS" and "ENVIRONMENT VARIABLES"). @module */

import type { ConfigLine } from "../reader/config_line.ts";
import type { LocalMachine } from "../local_machine.ts";
import { shown } from "../../../text/shown.ts";

/** What an error is about. */
type Place = Pick<ConfigLine, "error">;

/** Looks up an environment variable. */
export type Environment = (name: string) => string | undefined;

/** The values of tokens by their letter, computed when needed. */
export type Tokens = Readonly<Record<string, () => string | Promise<string>>>;

/**
 * Replaces `${NAME}` by environment variables.
 *
 * @throws {ArgumentError} if one is not set, or a brace is not closed.
 */
export function expandVariables(
  text: string,
  line: ConfigLine,
  env: Environment,
): string {
  return text.replace(
    /\$\{([^}]*)(\}?)/g,
    (_, name: string, end: string) => variable(name, end, line, env),
  );
}

/**
 * Replaces tokens, and environment variables if `env` is given. Values are not
 * expanded again.
 *
 * @throws {ArgumentError} if the option does not have a token, or like {@linkcode expandVariables}.
 */
export async function expandTokens(
  text: string,
  line: Place,
  tokens: Tokens,
  env?: Environment,
): Promise<string> {
  const pattern = env ? /%([^]?)|\$\{([^}]*)(\}?)/g : /%([^]?)/g;
  let expanded = "";
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    const [all, letter, name, brace = ""] = match;
    expanded += text.slice(end, match.index);
    end = match.index + all.length;
    if (env && name !== undefined) {
      expanded += variable(name, brace, line, env);
    } else if (letter === "%") {
      expanded += letter;
    } else {
      const token = Object.entries(tokens).find(([key]) => key === letter);
      if (token) expanded += await token[1]();
      else throw unknownToken(all, line, tokens);
    }
  }
  return expanded + text.slice(end);
}

/**
 * Replaces a leading `~` by the user's home directory.
 *
 * @throws {ArgumentError} for the home directory of another user.
 */
export function expandTilde(
  path: string,
  line: ConfigLine,
  machine: LocalMachine,
): string {
  if (!path.startsWith("~")) return path;
  const [user = "", ...rest] = path.slice(1).split("/");
  if (user !== "" && user !== machine.userName) {
    throw line.error(
      `names the home directory of another user: ${
        shown(path)
      }; write its path instead`,
    );
  }
  return `${machine.home.replace(/\/$/, "")}/${
    rest.join("/").replace(/^\/+/, "")
  }`;
}

function variable(
  name: string,
  brace: string,
  line: Place,
  env: Environment,
): string {
  if (brace === "" || name === "") {
    throw line.error(`has a variable that is not \${NAME}: \${${name}${brace}`);
  }
  const value = env(name);
  if (value !== undefined) return value;
  throw line.error(`needs the environment variable ${name}, which is not set`);
}

function unknownToken(token: string, line: Place, tokens: Tokens): Error {
  const known = ["%%", ...Object.keys(tokens).map((letter) => `%${letter}`)];
  return line.error(
    `does not know ${shown(token)}; use ${known.join(", ")}`,
  );
}
