import { ConnectError } from "../../../errors.ts";
import { writeAll } from "../../../streams/write_all.ts";
import { formatAddress } from "../../../text/format_address.ts";
import { printable } from "../../../text/printable.ts";
import { nameOf, type ProxyAddress } from "./proxy_address.ts";

/** How long the head of the answer may be, in bytes. */
const MAX_HEAD = 16 * 1024;

/** How many interim answers (1xx) may come first. */
const MAX_INTERIM = 8;

/**
 * Asks an HTTP proxy for a tunnel (RFC 9110 section 9.3.6). What the server
 * sends through it is left unread.
 *
 * @throws {ConnectError} `permission-denied` if the proxy wants another login.
 * @throws {Error} that says why there is no tunnel.
 */
export async function openByHttp(
  conn: Pick<Deno.Conn, "read" | "write">,
  proxy: ProxyAddress,
  to: { hostname: string; port: number },
): Promise<void> {
  await writeAll(conn, new TextEncoder().encode(request(proxy, to)));
  for (let i = 0; i <= MAX_INTERIM; i++) {
    const { status, reason } = await readHead(conn, secretsOf(proxy));
    if (status >= 200 && status < 300) return;
    if (status >= 100 && status < 200) continue;
    const answer = `${status}${reason && ` ${reason}`}`;
    // tinyproxy answers a wrong password with 401.
    if (status !== 407 && status !== 401) {
      throw new Error(`it refused the tunnel with ${answer}`);
    }
    throw new ConnectError(
      "permission-denied",
      to,
      `${nameOf(proxy)} answered ${answer}: ${
        proxy.login
          ? "check user and password in its URL; only basic authentication is supported"
          : "put user and password into its URL, http://user:password@…"
      }`,
    );
  }
  throw new Error("it gives one interim answer after the other");
}

/** What a proxy may send back, and no message may have in it. */
function secretsOf({ login }: ProxyAddress): string[] {
  return login
    ? [login.user, login.password, basic(login)].filter(Boolean)
    : [];
}

function basic({ user, password }: NonNullable<ProxyAddress["login"]>): string {
  return new TextEncoder().encode(`${user}:${password}`).toBase64();
}

function request(
  { login }: ProxyAddress,
  { hostname, port }: { hostname: string; port: number },
): string {
  const authority = formatAddress(hostname, port);
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  if (login) lines.push(`Proxy-Authorization: Basic ${basic(login)}`);
  return [...lines, "", ""].join("\r\n");
}

/** Reads the head of an answer byte by byte: the next byte may be the server's already. */
async function readHead(
  conn: Pick<Deno.Conn, "read">,
  secrets: readonly string[],
): Promise<{ status: number; reason: string }> {
  const head = new Uint8Array(MAX_HEAD);
  let length = 0;
  while (!endsHead(head, length)) {
    if (length === MAX_HEAD) {
      throw new Error(`its answer has more than ${MAX_HEAD} bytes of headers`);
    }
    const n = await conn.read(head.subarray(length, length + 1));
    if (n === null) {
      throw new Error("it closed the connection without an answer");
    }
    length += n;
    if (
      length === 5 && new TextDecoder().decode(head.subarray(0, 5)) !== HTTP
    ) {
      throw new Error("it does not speak HTTP");
    }
  }
  const shown = (text: string) =>
    secrets.some((secret) => text.includes(secret)) ? "…" : printable(text);
  const [line = ""] = new TextDecoder().decode(head.subarray(0, length))
    .split(/\r?\n/, 1);
  const [, status, reason = ""] =
    /^HTTP\/1\.\d (\d{3})(?: (.*))?$/.exec(line) ?? [];
  if (status === undefined) {
    throw new Error(`it answered with ${shown(line)}`);
  }
  return { status: Number(status), reason: shown(reason) };
}

/** What an answer begins with. */
const HTTP = "HTTP/";

/** Whether the last line is empty; some end lines without a carriage return (RFC 9112 section 2.2). */
function endsHead(head: Uint8Array, length: number): boolean {
  if (head[length - 1] !== 10) return false;
  const before = head[length - 2] === 13 ? length - 3 : length - 2;
  return before >= 0 && head[before] === 10;
}
