import type { ConfigLine } from "./config_line.ts";
import { wholeNumber } from "./option_values.ts";
import type { JumpHost } from "./ssh_settings.ts";

/**
 * Reads the value of `ProxyJump`: hops between commas, each
 * `[user@]host[:port]` or `ssh://[user@]host[:port]`.
 *
 * @returns the hops in order; none for `none`.
 * @throws {ArgumentError} if a hop is none.
 */
export function parseProxyJump(line: ConfigLine): JumpHost[] {
  const text = line.text().replace(/[ \t]*#.*$/, "");
  if (text.toLowerCase() === "none") return [];
  return text.split(",").map((hop) => {
    const parsed = hop.startsWith("ssh://") ? parseUri(hop) : parseHop(hop);
    if (parsed) return parsed;
    throw line.error(
      `has no [user@]host[:port] at ${JSON.stringify(hop)}`,
    );
  });
}

function parseUri(uri: string): JumpHost | undefined {
  const hop = parseHop(uri.slice("ssh://".length).replace(/\/$/, ""));
  if (hop?.user === undefined) return hop;
  try {
    // What follows a semicolon are parameters of the connection, of which there are none.
    const user = hop.user.replace(/;.*/, "").replaceAll("+", " ");
    return user === "" ? undefined : { ...hop, user: decodeURIComponent(user) };
  } catch {
    return undefined;
  }
}

function parseHop(text: string): JumpHost | undefined {
  const match = /^(?:(.+)@)?(?:\[([^\]]+)\]|([^\[:/@][^:/@]*))(?::(.*))?$/.exec(
    text,
  );
  const host = match?.[2] ?? match?.[3];
  if (!match || host === undefined) return undefined;
  const [, user, , , portText = ""] = match;
  const port = portText === "" ? undefined : wholeNumber(portText, 65535);
  if (portText !== "" && !port) return undefined;
  return {
    ...user !== undefined && { user },
    host,
    ...port !== undefined && { port },
  };
}
