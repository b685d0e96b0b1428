import type { ProbeResult } from "../../../forward/verify/probe.ts";
import { formatBind, isTcp } from "../../../ssh/bind.ts";
import type { Bind, ServerInfo } from "../../../ssh/connection.ts";
import { serverKind } from "../../../ssh/server_kind.ts";
import type { Line } from "./line.ts";
import { formatDuration } from "../text/units.ts";

/**
 * The line about who answers at a bound port.
 *
 * @param target The tunnel's target.
 * @param server The server, if it is known.
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

/** Where it is reachable from, if that is more than the server itself or is unknown. */
function reachable({ reach, askedReach }: ProbeResult): string {
  if (reach === "network") return ", reachable from other hosts";
  if (askedReach === "server-only") return "";
  return reach === "unknown"
    ? ", unknown whether it is reachable from other hosts"
    : "";
}

/** Why the server does not permit the check, in its own terms. */
function whyForbidden(server: ServerInfo | undefined): string {
  const refuses = "the server does not connect to it for us";
  switch (server && serverKind(server)) {
    case "openssh":
      return `${refuses} (PermitOpen or AllowTcpForwarding in its sshd_config)`;
    case "dropbear":
      return `${refuses} (dropbear's -j, or permitopen in authorized_keys)`;
    default:
      return "this kind of server does not permit the check";
  }
}

/** The addresses it is bound at, if not at all that were asked for: sshd obeys those only as `GatewayPorts` says. */
function partly(addresses: ProbeResult["addresses"]): string {
  if (addresses.every(({ answer }) => answer === "ours")) return "";
  const ours = addresses.filter(({ answer }) => answer === "ours")
    .map(({ address }) => address);
  return `, at ${ours.join(" and ")} only`;
}

/** The statement that a port leads to the target. */
export function leads(bound: Bind, target: string): string {
  return `${formatBind(bound)} on the server leads to ${target}`;
}
