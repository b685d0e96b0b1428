import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { orAborted } from "../../abort.ts";
import { TargetError } from "../../errors.ts";
import { connectToFirst } from "../../ssh/dial/connect_to_first.ts";
import { connectTcp } from "../../sockets/connect_tcp.ts";
import { formatAddress } from "../../text/format_address.ts";
import { mayNot } from "../../permissions.ts";
import { printable } from "../../text/printable.ts";
import {
  parsePermit,
  type PermittedDestination,
  type SocksPermit,
} from "./socks_target.ts";

/** What a client asks for. */
interface Destination {
  host: string;
  port: number;
}

/** Where clients of a SOCKS proxy may connect to, and the way there. */
export class Destinations {
  readonly #permit: SocksPermit;
  readonly #list: readonly PermittedDestination[];

  /** @throws {ArgumentError} if an entry of the list cannot be used. */
  constructor(permit: SocksPermit) {
    this.#permit = permit;
    this.#list = typeof permit === "string"
      ? []
      : parsePermit(permit).map(({ host, port }) => ({
        host: host && canonical(host),
        port,
      }));
  }

  /**
   * Connects to a destination, if that is permitted.
   *
   * @throws {TargetError} `permission-denied` if it is not.
   */
  async connect(to: Destination, signal: AbortSignal): Promise<Deno.TcpConn> {
    const { host, port } = to;
    let conn: Deno.TcpConn;
    if (this.#permit !== "public" && !this.#isListed(to)) {
      throw notPermitted(to);
    }
    requirePermission(to);
    if (this.#permit === "public") {
      // Looked up once: a name that answers differently the next time gains nothing.
      const addresses = (await orAborted(addressesOf(host), signal))
        .filter(isPublic);
      if (addresses.length === 0) throw notPermitted(to);
      conn = await connectToFirst(addresses, port, signal);
    } else {
      conn = await connectTcp({ hostname: host, port }, signal);
    }
    conn.setNoDelay(true);
    return conn;
  }

  #isListed({ host, port }: Destination): boolean {
    if (typeof this.#permit === "string") return this.#permit === "any";
    const asked = canonical(host);
    return this.#list.some((it) =>
      (it.host ?? asked) === asked && (it.port ?? port) === port
    );
  }
}

function notPermitted({ host, port }: Destination): TargetError {
  const name = printable(formatAddress(host, port));
  return new TargetError(
    "permission-denied",
    name,
    `the SOCKS proxy does not permit connections to ${name}`,
  );
}

/** Not asked for: a question would hold up the whole process. */
function requirePermission({ host, port }: Destination): void {
  const name = formatAddress(host, port);
  try {
    const { state } = Deno.permissions.querySync({ name: "net", host: name });
    if (state === "granted") return;
  } catch (error) {
    // Not every host name can be asked about; dialling it will tell.
    if (error instanceof TypeError || error instanceof URIError) return;
    throw error;
  }
  const text = printable(name);
  throw new TargetError(
    "permission-denied",
    text,
    mayNot(
      `connect to ${text} for a client of the SOCKS proxy`,
      `--allow-net=${text}`,
    ),
  );
}

/** Names in lower case, and so addresses with a zone; other addresses in their shortest form. */
function canonical(host: string): string {
  const url = isIP(host) === 6 ? URL.parse(`http://[${host}]`) : null;
  return url?.hostname.slice(1, -1) ?? host.toLowerCase();
}

async function addressesOf(host: string): Promise<string[]> {
  if (isIP(host)) return [host];
  const found = await lookup(host, { all: true });
  return [...new Set(found.map(({ address }) => address))];
}

/** What IANA's registries of special-purpose addresses (RFC 6890) name as not globally reachable, and multicast. */
const special = new BlockList();
for (
  const range of [
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16",
    "172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16",
    "198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3",
  ].join(" ").split(" ")
) {
  const [address = "", bits] = range.split("/");
  special.addSubnet(address, Number(bits), "ipv4");
}

/** The part of IPv6 that is the Internet, and what of it is special, such as tunnels that lead to any IPv4 address. */
const internet = new BlockList();
internet.addSubnet("2000::", 3, "ipv6");
for (
  const [address, bits] of [
    ["2001::", 23],
    ["2001:db8::", 32],
    ["2002::", 16],
    ["3fff::", 20],
  ] as const
) {
  special.addSubnet(address, bits, "ipv6");
}

/** Whether an address is one of the Internet. */
export function isPublic(address: string): boolean {
  const ipv4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ??
    (isIP(address) === 4 ? address : undefined);
  if (ipv4 !== undefined) return !special.check(ipv4, "ipv4");
  return isIP(address) === 6 && internet.check(address, "ipv6") &&
    !special.check(address, "ipv6");
}
