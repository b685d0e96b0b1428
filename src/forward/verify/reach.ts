import { formatBind, isTcp } from "../../ssh/bind.ts";
import type { Bind } from "../../ssh/connection.ts";
import { type ServerKind, serverKind } from "../../ssh/server_kind.ts";
import type { Look } from "./look_at.ts";

/**
 * From where programs can connect to a bound port.
 *
 * - `network`: from other hosts too, as far as the network lets them.
 * - `server-only`: from the server itself alone.
 * - `unknown`: the server does not let us look, or what it lets us see does not
 *   decide it.
 */
export type Reach = "network" | "server-only" | "unknown";

/** Addresses of the server's own machine that `localhost` stands for. */
export const LOOPBACK: readonly string[] = ["127.0.0.1", "::1"];

/** Where on the server a bound port has to answer. */
export function addressesOf(bind: Bind): readonly string[] {
  if (!isTcp(bind)) return [bind.path];
  switch (bind.hostname.toLowerCase()) {
    case "":
    case "*":
    case "localhost":
      return LOOPBACK;
    case "0.0.0.0":
      return ["127.0.0.1"];
    case "::":
      return ["::1"];
    default:
      return [bind.hostname];
  }
}

/**
 * What a bind address asks for (RFC 4254 section 7.1). A Unix socket is
 * always on the server only.
 */
export function askedReach(bind: Bind): Exclude<Reach, "unknown"> {
  return isTcp(bind) && kindOf(bind.hostname) !== "loopback"
    ? "network"
    : "server-only";
}

/**
 * Finds out from where a bound port can be reached, by looking at an address
 * of the server that a listener on 127.0.0.1 or ::1 does not answer at.
 *
 * On Linux all of 127.0.0.0/8 is the machine itself, so 127.0.0.2 tells a
 * listener on all addresses from one on loopback: what refuses there is the
 * server's own system. Elsewhere it is silent or slow, which decides nothing;
 * then, and for IPv6, which has no second loopback address, the address that was
 * dialled can show that a port is reachable. It cannot show that it is not: it
 * may be a router's.
 *
 * @param ours The addresses at which the port was found to be ours.
 * @param own The server's address, where it is known.
 * @param look Looks at another address.
 */
export async function findReach(
  bind: Bind,
  ours: readonly string[],
  own: string | undefined,
  look: (address: string) => Promise<Look>,
): Promise<Reach> {
  if (!isTcp(bind)) return "server-only";
  if (ours.length === 0) return "unknown";
  if (ours.some((address) => kindOf(address) === "host")) return "network";
  const second = ours.includes("127.0.0.2") ? "127.0.0.3" : "127.0.0.2";
  const there = await look(second);
  if (isOurs(there)) return "network";
  if (there.isRefused) {
    const isLoopback = ours.some((address) => address.startsWith("127.")) ||
      isOurs(await look("127.0.0.1"));
    // Servers bind one request alike for both families.
    if (isLoopback) return "server-only";
  }
  const isTelling = own !== undefined && kindOf(own) === "host";
  return isTelling && isOurs(await look(own)) ? "network" : "unknown";
}

function isOurs({ answer }: Look): boolean {
  return answer === "ours";
}

/**
 * A warning, if a port is reachable from elsewhere than was asked for.
 *
 * @param software The server's, which decides what its administrator can do.
 */
export function reachWarning(
  bound: Bind,
  reach: Reach,
  software: string,
): string | undefined {
  if (reach === "unknown" || reach === askedReach(bound)) return undefined;
  const isNarrower = reach === "server-only";
  return `${formatBind(bound)} is reachable from ${
    isNarrower
      ? "the server itself only, not from other hosts as asked"
      : "other hosts too, though only the server itself was asked for"
  }; ${remedy(serverKind({ software }), isNarrower)}`;
}

function remedy(kind: ServerKind, isNarrower: boolean): string {
  if (kind === "openssh") {
    return isNarrower
      ? `sshd needs "GatewayPorts clientspecified" in sshd_config for that`
      : `with "GatewayPorts clientspecified" in sshd_config, sshd listens where it is asked to`;
  }
  return kind === "dropbear" && isNarrower
    ? "dropbear needs the option -a for that"
    : "the server's configuration decides that";
}

/** What is behind an address: all of the machine's, loopback, or another one. A name may be any. */
function kindOf(address: string): "all" | "loopback" | "host" | "name" {
  const host = canonical(address);
  if (["", "*", "0.0.0.0", "[::]"].includes(host)) return "all";
  if (/^127\.|^\[::1\]$|^\[::ffff:7f/.test(host)) return "loopback";
  if (
    /(^|\.)localhost(\.localdomain)?\.?$|^ip6-(localhost|loopback)$/.test(host)
  ) {
    return "loopback";
  }
  return /^\[|^[\d.]+$/.test(host) ? "host" : "name";
}

/** An address in the one form that the URL standard gives it: `127.1` is 127.0.0.1. */
function canonical(address: string): string {
  if (address === "") return address;
  const [plain = ""] = address.split("%"); // which interface is of no interest
  const host = plain.includes(":") ? `[${plain}]` : plain;
  return URL.parse(`ws://${host}/`)?.hostname ?? address.toLowerCase();
}
