import { timingSafeEqual } from "node:crypto";
import { concat } from "../../streams/concat.ts";
import { readFull } from "../../streams/read_full.ts";
import type { SocksOptions } from "./socks_target.ts";

/** Why a request is refused. */
export type SocksRefusal =
  | "failed"
  | "not-allowed"
  | "network-unreachable"
  | "host-unreachable"
  | "refused"
  | "command"
  | "address-type";

/** The reply codes of SOCKS 5 (RFC 1928 section 6). */
const CODES: Record<SocksRefusal, number> = {
  "failed": 1,
  "not-allowed": 2,
  "network-unreachable": 3,
  "host-unreachable": 4,
  "refused": 5,
  "command": 7,
  "address-type": 8,
};

/** A client does not get what it asked for; the reply is on its way. */
export class SocksError extends Error {}

/** A client ended without asking for anything. */
export class SocksClientGone extends Error {}

/** What the handshake reads from and writes to. */
export type SocksClient = Pick<Deno.Conn, "read" | "write">;

/** What a client asks for, and how it is answered. */
export interface SocksRequest {
  /** A name or an address. */
  readonly host: string;
  readonly port: number;
  /** Says that the connection stands: what follows is the target's. */
  accept(): Promise<void>;
  /** Says why the connection was not made. */
  refuse(why: SocksRefusal): Promise<void>;
}

/**
 * Reads what a client of SOCKS 4, 4a or 5 asks for.
 *
 * @throws {SocksError} if it was refused.
 * @throws {SocksClientGone} if it ended first.
 */
export async function readSocksRequest(
  client: SocksClient,
  credentials: SocksOptions["credentials"],
): Promise<SocksRequest> {
  const [version] = await take(client, 1);
  switch (version) {
    case 4:
      return await readVersion4(client, credentials !== undefined);
    case 5:
      return await readVersion5(client, credentials);
    default:
      throw new SocksError(`SOCKS version ${version} is not supported`);
  }
}

/** SOCKS 4 and 4a: https://www.openssh.com/txt/socks4.protocol and socks4a.protocol. */
async function readVersion4(
  client: SocksClient,
  needsLogin: boolean,
): Promise<SocksRequest> {
  const reply = (code: number) =>
    client.write(new Uint8Array([0, code, 0, 0, 0, 0, 0, 0]));
  const refuse = async () => void await reply(91);
  const takeText = async () => {
    const text = await readText(client);
    if (text !== undefined) return text;
    await refuse();
    throw new SocksError("a text of the request is too long");
  };
  const [command, high, low, ...address] = await take(client, 7);
  await takeText(); // the user, which is not verified
  const [a, b, c, d] = address;
  const isName = a === 0 && b === 0 && c === 0 && d !== 0;
  const host = isName ? await takeText() : address.join(".");
  if (command !== 1) {
    await refuse();
    throw new SocksError(`command ${command} is not supported`);
  }
  if (needsLogin) {
    await refuse();
    throw new SocksError("SOCKS 4 has no login");
  }
  await checkHost(host, refuse);
  return {
    host,
    port: high! * 256 + low!,
    accept: async () => void await reply(90),
    refuse,
  };
}

/** SOCKS 5: RFC 1928, with the login of RFC 1929. */
async function readVersion5(
  client: SocksClient,
  credentials: SocksOptions["credentials"],
): Promise<SocksRequest> {
  const methods = await takeCounted(client);
  const method = credentials ? 2 : 0;
  const isOffered = methods.includes(method);
  await client.write(new Uint8Array([5, isOffered ? method : 0xff]));
  if (!isOffered) {
    throw new SocksError(
      credentials ? "the client does not log in" : "the client has to log in",
    );
  }
  if (credentials) await login(client, credentials);

  const reply = (code: number) =>
    client.write(new Uint8Array([5, code, 0, 1, 0, 0, 0, 0, 0, 0]));
  const refuse = async (why: SocksRefusal) => void await reply(CODES[why]);
  const [version, command, , type] = await take(client, 4);
  if (version !== 5) {
    await refuse("failed");
    throw new SocksError("the request is not SOCKS 5");
  }
  const host = await takeHost(client, type!);
  if (host === undefined) {
    await refuse("address-type");
    throw new SocksError(`address type ${type} is not supported`);
  }
  const [high, low] = await take(client, 2);
  if (command !== 1) {
    await refuse("command");
    throw new SocksError(`command ${command} is not supported`);
  }
  await checkHost(host, refuse);
  return {
    host,
    port: high! * 256 + low!,
    accept: async () => void await reply(0),
    refuse,
  };
}

async function login(
  client: SocksClient,
  { user, password }: NonNullable<SocksOptions["credentials"]>,
): Promise<void> {
  const [version] = await take(client, 1);
  const given = [await takeCounted(client), await takeCounted(client)];
  const isRight = [user, password].map((text, i) =>
    isSame(given[i]!, new TextEncoder().encode(text))
  );
  const isIn = version === 1 && isRight.every(Boolean);
  await client.write(new Uint8Array([1, isIn ? 0 : 1]));
  if (!isIn) throw new SocksError("the login is refused");
}

/** Compares in a time that does not tell where they differ. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  const padded = (bytes: Uint8Array) =>
    concat(new Uint8Array([bytes.length]), bytes, new Uint8Array(255))
      .subarray(0, 256);
  return timingSafeEqual(padded(a), padded(b));
}

async function takeHost(
  client: SocksClient,
  type: number,
): Promise<string | undefined> {
  switch (type) {
    case 1:
      return (await take(client, 4)).join(".");
    case 3:
      return new TextDecoder().decode(await takeCounted(client));
    case 4:
      return toIpv6(await take(client, 16));
    default:
      return undefined;
  }
}

/** In its shortest form (RFC 5952). */
function toIpv6(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const groups = Array.from(
    { length: 8 },
    (_, i) => view.getUint16(2 * i).toString(16),
  );
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

async function checkHost(
  host: string,
  refuse: (why: SocksRefusal) => Promise<void>,
): Promise<void> {
  if (/^[^\s/\p{Cc}\ufffd]{1,255}$/u.test(host)) return;
  await refuse("host-unreachable");
  throw new SocksError("what the client asks for is not a host");
}

async function take(
  client: SocksClient,
  size: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(size);
  if (await readFull(client, bytes) === size) return bytes;
  throw new SocksClientGone();
}

/** Bytes after a byte that counts them. */
async function takeCounted(client: SocksClient): Promise<Uint8Array> {
  const [size] = await take(client, 1);
  return await take(client, size!);
}

/** Text that ends with a NUL; undefined if it has more than 255 bytes. */
async function readText(client: SocksClient): Promise<string | undefined> {
  const bytes: number[] = [];
  for (;;) {
    const [byte] = await take(client, 1);
    if (byte === 0) return new TextDecoder().decode(new Uint8Array(bytes));
    if (bytes.push(byte!) > 255) return undefined;
  }
}
