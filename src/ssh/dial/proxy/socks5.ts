import { isIP } from "node:net";
import { ConnectError } from "../../../errors.ts";
import { concat } from "../../../streams/concat.ts";
import { readFull } from "../../../streams/read_full.ts";
import { writeAll } from "../../../streams/write_all.ts";
import { nameOf, type ProxyAddress } from "./proxy_address.ts";

type Conn = Pick<Deno.Conn, "read" | "write">;

const VERSION = 5;
const NO_AUTHENTICATION = 0;
const USER_AND_PASSWORD = 2;

/** Why a proxy did not connect (RFC 1928 section 6), by the code of its reply. */
const failures: readonly string[] = [
  "",
  "it failed",
  "its rules do not allow it",
  "the network is unreachable",
  "the host is unreachable, or its name unknown",
  "the server refused the connection",
  "the connection timed out",
  "it cannot connect to others",
  "it does not know this kind of address",
];

/**
 * Asks a SOCKS 5 proxy for a connection (RFC 1928). What the server sends
 * through it is left unread.
 *
 * @throws {ConnectError} `permission-denied` if the proxy wants another login.
 * @throws {Error} that says why there is no connection.
 */
export async function openBySocks(
  conn: Conn,
  proxy: ProxyAddress,
  to: { hostname: string; port: number },
): Promise<void> {
  await logIn(conn, proxy, to);
  await writeAll(
    conn,
    concat(
      Uint8Array.of(VERSION, 1, 0),
      encodeAddress(to.hostname),
      Uint8Array.of(to.port >> 8, to.port & 0xff),
    ),
  );
  const [version, code = 0, , kind] = await read(conn, 4);
  checkVersion(version);
  if (code !== 0) throw new Error(failures[code] ?? `it failed with ${code}`);
  // Where it connects from is of no use here.
  await read(conn, await lengthOfAddress(conn, kind) + 2);
}

/** Agrees on how to log in, and does (RFC 1929). */
async function logIn(
  conn: Conn,
  proxy: ProxyAddress,
  to: { hostname: string; port: number },
): Promise<void> {
  const { login } = proxy;
  const methods = login
    ? [NO_AUTHENTICATION, USER_AND_PASSWORD]
    : [NO_AUTHENTICATION];
  await writeAll(conn, Uint8Array.of(VERSION, methods.length, ...methods));
  const [version, method = 0xff] = await read(conn, 2);
  checkVersion(version);
  const deny = (why: string) => {
    const message = `${nameOf(proxy)} ${why}`;
    return new ConnectError("permission-denied", to, message);
  };
  if (!methods.includes(method)) {
    throw deny(
      login
        ? "does not take a user and a password"
        : "wants a user and a password: put them into its URL, socks5://user:password@…",
    );
  }
  if (method === NO_AUTHENTICATION || !login) return;
  const encode = (text: string) => {
    const bytes = new TextEncoder().encode(text);
    return concat(Uint8Array.of(bytes.length), bytes);
  };
  await writeAll(
    conn,
    concat(Uint8Array.of(1), encode(login.user), encode(login.password)),
  );
  const [, status] = await read(conn, 2);
  if (status !== 0) {
    throw deny("refused the login: check user and password in its URL");
  }
}

function encodeAddress(hostname: string): Uint8Array {
  switch (isIP(hostname)) {
    case 4:
      return Uint8Array.of(1, ...hostname.split(".").map(Number));
    case 6:
      return Uint8Array.of(4, ...bytesOfIpv6(hostname));
  }
  const name = new TextEncoder().encode(hostname);
  if (name.length > 255) {
    throw new Error("a name has at most 255 bytes with SOCKS");
  }
  return concat(Uint8Array.of(3, name.length), name);
}

function bytesOfIpv6(address: string): number[] {
  // `URL` writes it in one form, without an IPv4 address at its end.
  const zoneless = address.replace(/%.*/, "");
  const text = new URL(`http://[${zoneless}]`).hostname.slice(1, -1);
  const [before = [], after = []] = text.split("::").map((part) =>
    part === "" ? [] : part.split(":")
  );
  const zeros = Array(8 - before.length - after.length).fill("0");
  return [...before, ...zeros, ...after].flatMap((group) => {
    const value = parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

async function lengthOfAddress(
  conn: Conn,
  kind: number | undefined,
): Promise<number> {
  switch (kind) {
    case 1:
      return 4;
    case 4:
      return 16;
    case 3:
      return (await read(conn, 1))[0]!;
    default:
      throw new Error(`it answers with an unknown kind of address, ${kind}`);
  }
}

function checkVersion(version: number | undefined): void {
  if (version !== VERSION) throw new Error("it does not speak SOCKS 5");
}

async function read(conn: Conn, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  if (await readFull(conn, bytes) === length) return bytes;
  throw new Error("it closed the connection before its answer was complete");
}
