/** Tokens, variables and `~` (ssh_config(5), "TOKENS" and "ENVIRONMENT VARIABLES"). @module */

import type { ConfigLine } from "../reader/config_line.ts";
import type { LocalMachine } from "../local_machine.ts";
import { shown } from "../../../text/shown.ts";

/** Looks up an environment variable. */
export type Environment = (name: string) => string | undefined;

/** What tokens stand for, by their letter; worked out when one is met. */
export type Tokens = Readonly<Record<string, () => string | Promise<string>>>;

/**
 * Puts the values of environment variables for `${NAME}`.
 *
 * @throws {ArgumentError} if one is not set or its brace not closed.
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
 * Puts what tokens stand for, and if `env` is given the values of environment
 * variables. What was put is not expanded again.
 *
 * @throws {ArgumentError} if the option has no such token, or as {@linkcode expandVariables}.
 */
export async function expandTokens(
  text: string,
  line: ConfigLine,
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
 * Puts the user's home directory for a `~` at the beginning.
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
  line: ConfigLine,
  env: Environment,
): string {
  if (brace === "" || name === "") {
    throw line.error(`has a variable that is not \${NAME}: \${${name}${brace}`);
  }
  const value = env(name);
  if (value !== undefined) return value;
  throw line.error(`needs the environment variable ${name}, which is not set`);
}

function unknownToken(token: string, line: ConfigLine, tokens: Tokens): Error {
  const known = ["%%", ...Object.keys(tokens).map((letter) => `%${letter}`)];
  return line.error(
    `does not know ${shown(token)}; use ${known.join(", ")}`,
  );
}
