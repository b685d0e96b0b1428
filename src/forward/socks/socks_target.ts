import { ArgumentError } from "../../errors.ts";
import { shown } from "../../text/shown.ts";
import { checkKeys, checkMs, checkObject } from "../../validate.ts";

/**
 * Where clients of a SOCKS proxy may connect to.
 *
 * - `"public"`: to addresses of the Internet, not to this machine, its networks
 *   or other special addresses (IANA's registries), whatever name is asked for.
 * - `"any"`: everywhere that this side can reach, this machine included; the
 *   default of ssh.
 * - `"none"`: nowhere.
 * - `["host:port", …]`: to these, as `PermitRemoteOpen` of ssh_config(5) has
 *   it: the host as clients write it, not looked up; `*` for any host or any
 *   port; IPv6 addresses in brackets.
 */
export type SocksPermit = "public" | "any" | "none" | readonly string[];

/** Options of a {@linkcode SocksTarget}. */
export interface SocksOptions {
  /**
   * Where clients may connect to.
   *
   * @default {"public"}
   */
  permit?: SocksPermit;
  /** What clients have to log in with (RFC 1929), which SOCKS 4 cannot. No login by default. */
  credentials?: { user: string; password: string };
  /**
   * How long a client may take to say what it wants, in milliseconds.
   *
   * @default {10000}
   */
  handshakeTimeoutMs?: number;
}

/**
 * A SOCKS proxy in this process (versions 4, 4a and 5): programs on the server
 * reach what this side can reach, and names are looked up here. `"socks"` is
 * the same with all defaults.
 */
export interface SocksTarget {
  /** Its options. */
  socks: SocksOptions;
}

/** A destination of a `permit` list; undefined stands for any. */
export interface PermittedDestination {
  host: string | undefined;
  port: number | undefined;
}

/** @throws {ArgumentError} if an entry is not `host:port`; a pattern or a range would permit nothing. */
export function parsePermit(
  permit: readonly string[],
): PermittedDestination[] {
  return permit.map((text) => {
    const [, bracketed, plain, port] =
      /^(?:\[([^\]]+)\]|(\*|[^:[\]\s*?/]+)):(\d{1,5}|\*)$/.exec(text) ?? [];
    const host = bracketed ?? plain;
    const number = port === "*" ? undefined : Number(port);
    if (host === undefined || number === 0 || (number ?? 0) > 65535) {
      throw new ArgumentError(
        "permit",
        `cannot be ${
          shown(text)
        }; use "host:port", "*:port" or "host:*", without patterns`,
      );
    }
    return { host: host === "*" ? undefined : host, port: number };
  });
}

/** @throws {ArgumentError} if it cannot be used. */
export function checkSocksOptions(options: SocksOptions): void {
  checkObject("target.socks", options);
  checkKeys("target.socks", options, [
    ...["permit", "credentials", "handshakeTimeoutMs"],
  ]);
  const { permit = "public", credentials, handshakeTimeoutMs } = options;
  checkMs("handshakeTimeoutMs", handshakeTimeoutMs);
  if (Array.isArray(permit)) parsePermit(permit);
  else if (!["public", "any", "none"].includes(permit as string)) {
    throw new ArgumentError(
      "permit",
      `cannot be ${shown(permit)}; use "public", "any", "none" or a list`,
    );
  }
  if (credentials === undefined) return;
  checkObject("credentials", credentials);
  checkKeys("credentials", credentials, ["user", "password"]);
  for (const field of ["user", "password"] as const) {
    const { length } = new TextEncoder().encode(credentials[field]);
    if (length >= 1 && length <= 255) continue;
    throw new ArgumentError(
      `credentials.${field}`,
      "use a text of 1 to 255 bytes",
    );
  }
}
