import { ArgumentError } from "../../errors.ts";
import { shown } from "../../text/shown.ts";

/** An IP address: its bits, and how many it has. An IPv4-mapped IPv6 address is the IPv4 address. */
interface Address {
  readonly bits: bigint;
  readonly width: 32 | 128;
}

/** Some addresses that begin alike. */
interface Range {
  readonly first: bigint;
  readonly width: 32 | 128;
  /** How many bits at the end are free. */
  readonly free: bigint;
}

/**
 * Ranges of IP addresses in CIDR notation (RFC 4632, RFC 4291 section 2.3):
 * `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.7`. IPv4 and IPv6 are kept apart,
 * except that an IPv4-mapped address (`::ffff:192.0.2.7`) is its IPv4 address.
 */
export class AddressRanges {
  readonly #ranges: readonly Range[];

  /**
   * @param argument What the ranges were given as, for the error.
   * @throws {ArgumentError} if one cannot be read.
   */
  constructor(argument: string, ranges: readonly string[]) {
    if (!Array.isArray(ranges)) {
      throw new ArgumentError(
        argument,
        'use a list of ranges, e.g. ["10.0.0.0/8"]',
      );
    }
    this.#ranges = ranges.map((text) => parseRange(argument, text));
  }

  /** Whether an address is in one of the ranges. A name is in none. */
  includes(text: string): boolean {
    const address = parseAddress(text);
    if (!address) return false;
    return this.#ranges.some(({ first, width, free }) =>
      width === address.width && first >> free === address.bits >> free
    );
  }
}

/** Whether it is an IP address, and no name. */
export function isAddress(text: string): boolean {
  return parseAddress(text) !== undefined;
}

/** The same text for all notations of an address; a name is its own. */
export function addressKey(text: string): string {
  const address = parseAddress(text);
  return address ? `${address.width}:${address.bits}` : text;
}

function parseRange(argument: string, text: string): Range {
  const [, host = "", length] =
    /^([^/]+)(?:\/(\d{1,3}))?$/.exec(`${text}`.trim()) ?? [];
  const mapped = isMapped(host);
  const address = parseAddress(host);
  // The prefix of a mapped address counts the 96 bits before it.
  const prefix = length === undefined
    ? address?.width
    : Number(length) - (mapped ? 96 : 0);
  if (
    !address || prefix === undefined || prefix < 0 || prefix > address.width
  ) {
    throw new ArgumentError(
      argument,
      `${
        shown(text)
      } is not a range of addresses; use CIDR, e.g. 10.0.0.0/8, 2001:db8::/32 or one address`,
    );
  }
  const free = BigInt(address.width - prefix);
  if (address.bits >> free << free !== address.bits) {
    throw new ArgumentError(
      argument,
      `${
        shown(text)
      } has bits beyond its prefix; shorten it or lengthen the prefix`,
    );
  }
  return { first: address.bits, width: address.width, free };
}

const MAPPED_PREFIX = 0xffffn;

function isMapped(text: string): boolean {
  return text.includes(":") && parseAddress(text)?.width === 32;
}

function parseAddress(text: string): Address | undefined {
  // A zone tells interfaces of that machine apart, not addresses.
  const bare = text.replace(/%[^%]+$/, "");
  if (!bare.includes(":")) return parseIpv4(bare);
  const bits = parseIpv6(bare);
  if (bits === undefined) return undefined;
  return bits >> 32n === MAPPED_PREFIX
    ? { bits: bits & 0xffffffffn, width: 32 }
    : { bits, width: 128 };
}

function parseIpv4(text: string): Address | undefined {
  const octet = "(0|[1-9]\\d{0,2})";
  const parts = new RegExp(`^${Array(4).fill(octet).join("\\.")}$`).exec(text)
    ?.slice(1).map(Number);
  if (!parts || parts.some((part) => part > 255)) return undefined;
  return { bits: join(parts, 8n), width: 32 };
}

/** The URL parser reads all notations of an address, and writes one. */
function parseIpv6(text: string): bigint | undefined {
  const url = /^[\da-f:.]{2,45}$/i.test(text)
    ? URL.parse(`http://[${text}]`)
    : null;
  if (!url) return undefined;
  const [before = "", after] = url.hostname.slice(1, -1).split("::");
  const groups = (part: string) => part === "" ? [] : part.split(":");
  const head = groups(before);
  const tail = groups(after ?? "");
  const zeros = Array<string>(8 - head.length - tail.length).fill("0");
  return join(
    [...head, ...zeros, ...tail].map((group) => parseInt(group, 16)),
    16n,
  );
}

function join(parts: readonly number[], width: bigint): bigint {
  return parts.reduce((bits, part) => bits << width | BigInt(part), 0n);
}
