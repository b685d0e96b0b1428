import { ArgumentError } from "../../../errors.ts";
import {
  formatAddress,
  withoutBrackets,
} from "../../../text/format_address.ts";
import { checkHost } from "../../../validate.ts";

/** A proxy and how to speak to it. */
export interface ProxyAddress {
  /** HTTP CONNECT (RFC 9110 section 9.3.6) or SOCKS 5 (RFC 1928). */
  readonly protocol: "http" | "socks5";
  /** Its name or address. */
  readonly hostname: string;
  /** Its port. */
  readonly port: number;
  /** What it asks for: basic authentication (RFC 7617), or RFC 1929 for SOCKS. */
  readonly login?: { readonly user: string; readonly password: string };
}

/** The protocol of each scheme, and its usual port. A name is always resolved by the proxy. */
const schemes: Record<string, [ProxyAddress["protocol"], number] | undefined> =
  {
    http: ["http", 80],
    socks: ["socks5", 1080],
    socks5: ["socks5", 1080],
    socks5h: ["socks5", 1080],
  };

/** How it may look, for messages. */
const FORM = "http://[user:password@]host:port or socks5://…";

/**
 * Reads `http://[user:password@]host[:port]`, or the same with `socks5`,
 * `socks5h` or `socks`. Without a scheme it is an HTTP proxy, as in curl.
 *
 * @param argument The name of the argument, for the error.
 * @throws {ArgumentError} if it has another form; the message does not quote
 * it, as there may be a password in it.
 */
export function parseProxyUrl(
  argument: string,
  text: string | URL,
): ProxyAddress {
  const fail = (problem: string): never => {
    throw new ArgumentError(argument, `${problem}; use ${FORM}`);
  };
  if (typeof text !== "string" && !(text instanceof URL)) {
    fail("this is not a URL");
  }
  const [, scheme = "http", rest = ""] =
    /^(?:([a-z][\w+.-]*):\/\/)?(.*)$/is.exec(`${text}`) ?? [];
  const [protocol, usualPort] = schemes[scheme.toLowerCase()] ??
    fail(
      scheme.toLowerCase() === "https"
        ? "TLS on the way to a proxy is not supported"
        : `${scheme.slice(0, 20)} is not a kind of proxy that is supported`,
    );
  // Of `http`, so that a host is parsed as one, and a port is not left out.
  const url = URL.parse(`http://${rest}`) ?? fail("this is not a valid URL");
  if (!/^\/?$/.test(url.pathname) || url.search || url.hash) {
    fail("a proxy has no path");
  }
  const hostname = withoutBrackets(url.hostname);
  checkHost(argument, hostname);
  const port = url.port === "" ? defaultPort(rest, usualPort) : +url.port;
  if (port === 0) fail("a proxy has no port 0");
  return {
    protocol,
    hostname,
    port,
    ...(url.username || url.password) &&
      { login: readLogin(argument, protocol, url, fail) },
  };
}

/** `URL` drops a port that is the usual one of `http`. */
function defaultPort(rest: string, usual: number): number {
  return /:0*80\/?$/.test(rest) ? 80 : usual;
}

function readLogin(
  argument: string,
  protocol: ProxyAddress["protocol"],
  { username, password }: URL,
  fail: (problem: string) => never,
): { user: string; password: string } {
  const decode = (text: string): string => {
    try {
      return decodeURIComponent(text);
    } catch {
      return fail("its user or password is not percent-encoded");
    }
  };
  const login = { user: decode(username), password: decode(password) };
  if (protocol === "http" && login.user.includes(":")) {
    throw new ArgumentError(
      argument,
      "a user of basic authentication has no colon (RFC 7617 section 2)",
    );
  }
  const isTooLong = (text: string) => {
    const { length } = new TextEncoder().encode(text);
    return length < 1 || length > 255;
  };
  if (protocol === "socks5" && Object.values(login).some(isTooLong)) {
    throw new ArgumentError(
      argument,
      "a SOCKS proxy takes a user and a password of 1 to 255 bytes each (RFC 1929)",
    );
  }
  return login;
}

/** The proxy for messages, without its secrets. */
export function nameOf({ hostname, port }: ProxyAddress): string {
  return `the proxy ${formatAddress(hostname, port)}`;
}
