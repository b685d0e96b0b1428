/** The options about the way to the server: `ProxyJump` and `ProxyCommand`, of which the first one counts. @module */

import { defined } from "../../../defined.ts";
import { ArgumentError } from "../../../errors.ts";
import { shown } from "../../../text/shown.ts";
import { parseDestination } from "../../command_line/values/destination.ts";
import { parsePort } from "../../command_line/values/port.ts";
import { expandTokens, type Tokens } from "../expand/expand.ts";
import { expandCommand } from "../expand/expand_values.ts";
import type { ConfigLine } from "../reader/config_line.ts";
import { once, type Option, type Scope, type Written } from "./option.ts";
import { text } from "./value_types.ts";

/** A server on the way (`ProxyJump`). What is missing is looked up in the configuration for `host`. */
export interface JumpHost {
  /** The user there. */
  readonly user?: string;
  /** A name, an address, or a `Host` of the configuration. */
  readonly host: string;
  /** The port there. */
  readonly port?: number;
}

/** `ProxyCommand`: a command or `none`. */
export const proxyCommand: Option<string, string | undefined> = {
  ...once(
    "ProxyCommand",
    text,
    (written, { tokens }) => expandCommand(written, proxyTokens(tokens)),
  ),
  counts(_, before, all) {
    // `ProxyJump none` precedes only a later ProxyJump.
    const [jump] = all.get("proxyJump") ?? [];
    const hops = (jump?.value ?? []) as readonly JumpHost[];
    return before.length === 0 && hops.length === 0;
  },
};

/** `ProxyJump`: `[user@]host[:port]` or `ssh://[user@]host[:port]` between commas, or `none`. */
export const proxyJump: Option<
  readonly JumpHost[],
  readonly JumpHost[] | undefined
> = {
  ...once(
    "ProxyJump",
    {
      parse: parseProxyJump,
      print: (hops) => hops.map(printHop).join(","),
    },
    expandProxyJump,
  ),
  counts: (_, before, all) => before.length === 0 && !all.has("proxyCommand"),
};

/** @returns no hops for `none`. */
function parseProxyJump(line: ConfigLine): readonly JumpHost[] {
  const text = line.text().replace(/[ \t]*#.*$/, "");
  if (text.toLowerCase() === "none") return [];
  return text.split(",").map((text) => {
    const hop = text.startsWith("ssh://")
      ? parseUri(text, line)
      : parseHop(text);
    if (hop) return hop;
    throw line.error(`has no [user@]host[:port] at ${shown(text)}`);
  });
}

function parseUri(uri: string, line: ConfigLine): JumpHost {
  try {
    return parseDestination(uri);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw line.error(error.message, error);
  }
}

function parseHop(text: string): JumpHost | undefined {
  const [, user, address, name, portText = ""] =
    /^(?:(.+)@)?(?:\[([^\]]+)\]|([^[:/@][^:/@]*))(?::(.*))?$/.exec(text) ?? [];
  const host = address ?? name;
  const port = portText === "" ? undefined : parsePort(portText) || NaN;
  if (host === undefined || Number.isNaN(port)) return undefined;
  return defined({ user, host, port });
}

async function expandProxyJump(
  written: Written<readonly JumpHost[]> | undefined,
  { tokens, hostName, user, port }: Scope,
): Promise<readonly JumpHost[] | undefined> {
  if (written === undefined || written.value.length === 0) return undefined;
  const { value, line } = written;
  const expand = (text: string) =>
    expandTokens(text, line, proxyTokens(tokens));
  const hops = await Promise.all(
    value.map(async ({ user, host, port }) =>
      defined({
        user: user && await expand(user),
        host: await expand(host),
        port,
      })
    ),
  );
  const last = hops.at(-1)!;
  if (
    last.host === hostName && (last.port ?? 22) === port &&
    (last.user ?? user) === user
  ) {
    throw line.error(`leads to ${hostName} through itself`);
  }
  return hops;
}

/** The tokens that ssh knows in `ProxyCommand` and `ProxyJump`. */
function proxyTokens(tokens: Tokens): Tokens {
  const known = Object.entries(tokens).filter(([key]) => "hnpr".includes(key));
  return Object.fromEntries(known);
}

function printHop({ user, host, port }: JumpHost): string {
  return [
    user === undefined ? "" : `${user}@`,
    host.includes(":") ? `[${host}]` : host,
    port === undefined ? "" : `:${port}`,
  ].join("");
}
