import { ArgumentError } from "../../../errors.ts";
import { parseDestination } from "../../command_line/destination.ts";
import { parsePort } from "../../command_line/port.ts";
import type { ConfigLine } from "../reader/config_line.ts";
import type { JumpHost } from "../ssh_settings.ts";
import { shown } from "../../../text/shown.ts";

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
  return {
    ...user !== undefined && { user },
    host,
    ...port !== undefined && { port },
  };
}
