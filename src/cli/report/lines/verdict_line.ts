import type { ProbeResult } from "../../../forward/verify/probe.ts";
import { formatBind, isTcp } from "../../../ssh/bind.ts";
import type { Bind, ServerInfo } from "../../../ssh/connection.ts";
import { serverKind } from "../../../ssh/server_kind.ts";
import type { Line } from "./line.ts";
import { formatDuration } from "../text/units.ts";

/**
 * The line about who answers at a bound port.
 *
 * @param target Where it is to lead to.
 * @param server The server that it is on, if that is known.
 */
export function verdictLine(
  bound: Bind,
  target: string,
  probe: ProbeResult,
  server: ServerInfo | undefined,
): Line {
  const { addresses } = probe;
  const foreign = addresses.filter(({ answer }) => answer === "foreign")
    .map(({ address }) => address);
  const theirs = `another program answers at ${foreign.join(" and ")}${
    isTcp(bound) ? ` port ${bound.port}` : ""
  } on the server`;
  switch (probe.verdict) {
    case "verified":
      return {
        level: "info",
        text: `${leads(bound, target)}, verified in ${
          formatDuration(probe.ms)
        }${partly(addresses)}${reachable(probe)}`,
      };
    case "unverifiable":
      return {
        level: "info",
        text: `${formatBind(bound)} on the server is bound, not verified: ${
          addresses.length > 0
            ? whyForbidden(server)
            : "this server ends the connection when it is asked to connect to it, so it is not asked again"
        }`,
      };
    case "half-bound":
      return { level: "warn", text: `half-bound: ${theirs}` };
    case "foreign":
      return { level: "warn", text: theirs };
    case "unreachable":
      return {
        level: "warn",
        text: `nothing answers at ${
          formatBind(bound)
        } on the server, although it said that it listens`,
      };
  }
}

/** From where, if that was asked for or is more than was asked for. */
function reachable({ reach, askedReach }: ProbeResult): string {
  if (reach === "network") return ", reachable from other hosts";
  if (askedReach === "server-only") return "";
  return reach === "unknown"
    ? ", unknown whether it is reachable from other hosts"
    : "";
}

/** Why a server does not let us look, in the words of its kind. */
function whyForbidden(server: ServerInfo | undefined): string {
  const refuses = "the server does not connect to it for us";
  switch (server && serverKind(server)) {
    case "openssh":
      return `${refuses} (PermitOpen or AllowTcpForwarding in its sshd_config)`;
    case "dropbear":
      return `${refuses} (dropbear's -j, or permitopen in authorized_keys)`;
    default:
      return "this kind of server does not let us look";
  }
}

/** Where it is, if it is not at all addresses that belong to what was asked: sshd heeds them only as `GatewayPorts` says. */
function partly(addresses: ProbeResult["addresses"]): string {
  if (addresses.every(({ answer }) => answer === "ours")) return "";
  const ours = addresses.filter(({ answer }) => answer === "ours")
    .map(({ address }) => address);
  return `, at ${ours.join(" and ")} only`;
}

/** Where a port leads to. */
export function leads(bound: Bind, target: string): string {
  return `${formatBind(bound)} on the server leads to ${target}`;
}
