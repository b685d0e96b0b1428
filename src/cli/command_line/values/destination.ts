import { defined } from "../../../defined.ts";
import { ArgumentError } from "../../../errors.ts";
import { parsePort } from "./port.ts";
import { shown } from "../../../text/shown.ts";

/** The destination on the command line. */
export interface Destination {
  /** A name, an address, or an alias of ssh_config. */
  host: string;
  /** The user, if one was named. */
  user?: string;
  /** The port, if one was named. */
  port?: number;
}

/** Ends with an error. */
type Fail = (problem: string) => never;

/**
 * Reads `host`, `user@host` or `ssh://[user@]host[:port]`, as OpenSSH does.
 * The user of a URI is percent-decoded. Unlike OpenSSH 9.2 it accepts an IPv6
 * address in a URI, `ssh://[::1]:22`, and refuses an empty host and `host:port`,
 * which OpenSSH looks up as a name.
 *
 * @param argument Its name, for the error.
 * @throws {ArgumentError} if it has another form, or characters that a shell
 * could interpret when ssh_config passes host and user to one.
 */
export function parseDestination(
  text: string,
  argument = "destination",
): Destination {
  const fail: Fail = (problem) => {
    throw new ArgumentError(
      argument,
      `${problem}; use [user@]host or ssh://[user@]host[:port]`,
    );
  };
  const destination = text.startsWith("ssh://")
    ? parseUri(text, fail)
    : splitUser(text);
  const [, port] = /^(?:[^:[\]]+|\[.*\]):(\d+)$/.exec(destination.host) ?? [];
  if (port !== undefined) {
    throw new ArgumentError(
      argument,
      `${shown(text)} has a port; for the port use -p ${port} or ssh://${text}`,
    );
  }
  if (!/^(?!-)[^'"`$\\;&<>|(){}\s\p{Cc}]{1,255}$/u.test(destination.host)) {
    fail(`${shown(destination.host)} is not a valid host`);
  }
  if (destination.user !== undefined) {
    checkUser(argument, destination.user);
  }
  return destination;
}

/**
 * Checks the name of a user on the server.
 *
 * @param argument The argument that names the user, for the error.
 * @throws {ArgumentError} if ssh would refuse it.
 */
export function checkUser(argument: string, user: string): void {
  // As valid_ruser() in ssh.c, since 9.6 and in Debian's 9.2: the name may get into a ProxyCommand.
  if (/^(?!-)(?!.*(\s-|\\$))[^'"`;&<>|(){}\p{Cc}]+$/u.test(user)) return;
  throw new ArgumentError(
    argument,
    `${shown(user)} is not a valid user name`,
  );
}

function splitUser(text: string): Destination {
  const at = text.lastIndexOf("@");
  return at < 0
    ? { host: text }
    : { host: text.slice(at + 1), user: text.slice(0, at) };
}

function parseUri(uri: string, fail: Fail): Destination {
  const [, user, ipv6, name, port, path] =
    /^ssh:\/\/(?:([^@]*)@)?(?:\[([\da-f:.]+(?:%\w+)?)\]|([a-z\d][\w.-]*))(?::(\w*))?\/?(.*)$/is
      .exec(uri) ??
      fail(`${shown(uri)} is not of the form ssh://[user@]host[:port]`);
  if (path) fail(`${shown(uri)} has a path after the host`);
  return defined({
    host: ipv6 ?? name ?? "",
    user: user === undefined ? undefined : decodeUser(user, fail),
    port: port ? toPort(port, fail) : undefined,
  });
}

/** Decodes a user as RFC 3986 says, and `+` as a space, as ssh does; parameters after `;` are ignored. */
function decodeUser(text: string, fail: Fail): string {
  const user = text.replace(/;.*/s, "").replaceAll("+", " ");
  try {
    return decodeURIComponent(user);
  } catch {
    return fail(`the user ${shown(user)} is not percent-encoded`);
  }
}

function toPort(text: string, fail: Fail): number {
  return parsePort(text) || fail(`${shown(text)} is not a valid port`);
}
