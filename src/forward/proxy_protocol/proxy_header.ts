import { isIP } from "node:net";
import { isTcp } from "../../ssh/bind.ts";
import type { ForwardedOpen } from "../../ssh/connection.ts";
import { concat } from "../../streams/concat.ts";
import type { ProxyProtocol } from "../targets/target.ts";

/** Who connected, and to what, both of one family. */
interface Endpoints {
  family: 4 | 6;
  source: string;
  sourcePort: number;
  destination: string;
  destinationPort: number;
}

/** The first bytes of version 2, which no other protocol begins with. */
const SIGNATURE = new TextEncoder().encode("\r\n\r\n\0\r\nQUIT\n");
/** Version 2 with its command: a relayed connection, or one of the proxy's own. */
const PROXY = 0x21, LOCAL = 0x20;

/**
 * The header of the PROXY protocol for a connection to a bound port
 * (HAProxy's `doc/proxy-protocol.txt`, sections 2.1 and 2.2). What is not known
 * of the connection's client is said to be unknown: version 1 `UNKNOWN`,
 * version 2 `LOCAL`.
 *
 * The client's address is the server's word. The address that it connected to
 * is the bind's where that is an address; the server does not tell which one of
 * `0.0.0.0` it was.
 */
export function proxyHeader(
  version: ProxyProtocol,
  open: Pick<ForwardedOpen, "bind" | "originator">,
): Uint8Array {
  const endpoints = endpointsOf(open);
  return version === 1 ? version1(endpoints) : version2(endpoints);
}

function version1(of: Endpoints | undefined): Uint8Array {
  const what = of
    ? `TCP${of.family} ${of.source} ${of.destination} ${of.sourcePort} ${of.destinationPort}`
    : "UNKNOWN";
  return new TextEncoder().encode(`PROXY ${what}\r\n`);
}

function version2(of: Endpoints | undefined): Uint8Array {
  if (!of) return concat(SIGNATURE, new Uint8Array([LOCAL, 0, 0, 0]));
  const ports = new Uint8Array(4);
  const view = new DataView(ports.buffer);
  view.setUint16(0, of.sourcePort);
  view.setUint16(2, of.destinationPort);
  const addresses = concat(toBytes(of.source), toBytes(of.destination), ports);
  const transport = of.family === 4 ? 0x11 : 0x21;
  const head = new Uint8Array([PROXY, transport, 0, addresses.length]);
  return concat(SIGNATURE, head, addresses);
}

function endpointsOf(
  { bind, originator }: Pick<ForwardedOpen, "bind" | "originator">,
): Endpoints | undefined {
  const source = plain(originator.address);
  const family = isIP(source);
  if (!isTcp(bind) || (family !== 4 && family !== 6)) return undefined;
  if (Math.max(originator.port, bind.port) > 0xffff) return undefined;
  const bound = plain(bind.hostname);
  const [loopback, any] = family === 4
    ? ["127.0.0.1", "0.0.0.0"]
    : ["::1", "::"];
  return {
    family,
    source,
    sourcePort: originator.port,
    destination: isIP(bound) === family
      ? bound
      : bound === "localhost"
      ? loopback
      : any,
    destinationPort: bind.port,
  };
}

/** An IPv4 address that an IPv6 socket reports, as such; and no zone of a link. */
function plain(address: string): string {
  return address.replace(/%.*$/s, "")
    .replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
}

/** @param address A valid one. */
function toBytes(address: string): Uint8Array {
  if (isIP(address) === 4) return Uint8Array.from(address.split("."), Number);
  // In its usual form it has no IPv4 part.
  const [head = "", tail] = new URL(`http://[${address}]`).hostname
    .slice(1, -1).split("::");
  const left = head.split(":").filter(Boolean);
  const right = tail?.split(":").filter(Boolean) ?? [];
  const zeros = Array(8 - left.length - right.length).fill("0");
  return Uint8Array.from(
    [...left, ...zeros, ...right].flatMap((group) => {
      const value = parseInt(group, 16);
      return [value >> 8, value & 0xff];
    }),
  );
}
