import { ArgumentError } from "../../errors.ts";
import type { RefusalReason } from "../../errors.ts";
import { isTcp } from "../../ssh/bind.ts";
import type { Bind, ForwardedOpen, Originator } from "../../ssh/connection.ts";
import { shown } from "../../text/shown.ts";
import { checkMs, checkObject } from "../../validate.ts";

/**
 * Who may connect, how often and how much: the rules of {@linkcode Admission}.
 * Each is off by default.
 *
 * The client's address is what the server reports: sshd and dropbear report the
 * peer of the TCP connection, which may be a proxy; some tunnel services (sish)
 * report their own bind instead; Unix sockets have no originator, and `allow`,
 * `deny` and `maxConnectionsPerOriginator` are an error.
 */
export interface AdmissionRules {
  /** Admits only these addresses: CIDR ranges, IPv4 or IPv6, e.g. `["10.0.0.0/8", "2001:db8::/32"]`. */
  allow?: readonly string[] | undefined;
  /** Refuses these addresses; takes precedence over {@linkcode allow}. */
  deny?: readonly string[] | undefined;
  /** How many connections may be live at once. */
  maxConnections?: number | undefined;
  /** The same for each client address. */
  maxConnectionsPerOriginator?: number | undefined;
  /** How many new connections a second; bursts of up to a quarter of that pass. */
  maxRate?: number | undefined;
  /** Bytes a second of all connections together, in each direction, shared equally. */
  maxBandwidth?: number | undefined;
  /** Bytes a second of each connection, in each direction. */
  maxBandwidthPerConnection?: number | undefined;
  /** How long the client may take to send its first byte, in milliseconds; 0 for no limit. */
  firstByteTimeoutMs?: number | undefined;
  /** How long a connection may be idle in both directions, in milliseconds; 0 for no limit. */
  idleTimeoutMs?: number | undefined;
  /** How long a connection may last, in milliseconds; 0 for no limit. */
  maxDurationMs?: number | undefined;
  /** Decides about each connection that the other rules admit; if it throws, the connection is refused. */
  decide?: AdmissionDecision | undefined;
  /**
   * How long {@linkcode decide} may take, in milliseconds; then the connection
   * is refused.
   *
   * @default {5000}
   */
  decideTimeoutMs?: number | undefined;
}

/**
 * Decides about a connection.
 *
 * @param open Where it came in, who connected, and a signal that aborts once the answer is not needed.
 * @returns whether it is admitted.
 */
export type AdmissionDecision = (
  open: Pick<ForwardedOpen, "bind" | "originator" | "signal">,
) => boolean | Promise<boolean>;

/** The rules that refuse a connection. */
export type AdmissionRule =
  | "allow"
  | "deny"
  | "maxConnections"
  | "maxConnectionsPerOriginator"
  | "maxRate"
  | "decide";

/** The rules that close an admitted connection. */
export type TimeLimitRule =
  | "firstByteTimeoutMs"
  | "idleTimeoutMs"
  | "maxDurationMs";

/** A refused connection. */
export interface AdmissionRefusal {
  /** The rule that it broke. */
  readonly rule: AdmissionRule;
  /** The reason that the server got (RFC 4254 section 5.1). */
  readonly reason: RefusalReason;
  /** Where it came in. */
  readonly bind: Bind;
  /** Who connected, as the server reports it: untrusted. */
  readonly originator: Originator;
}

/** The reason and the text with which a connection is refused. */
export const refusals: Readonly<
  Record<AdmissionRule, { reason: RefusalReason; text: string }>
> = {
  allow: { reason: "administratively-prohibited", text: "not allowed" },
  deny: { reason: "administratively-prohibited", text: "not allowed" },
  decide: { reason: "administratively-prohibited", text: "not allowed" },
  maxConnections: {
    reason: "resource-shortage",
    text: "too many connections",
  },
  maxConnectionsPerOriginator: {
    reason: "resource-shortage",
    text: "too many connections from this address",
  },
  maxRate: {
    reason: "resource-shortage",
    text: "too many connections at once",
  },
};

/** All rules. */
const known: Record<keyof AdmissionRules, true> = {
  allow: true,
  deny: true,
  maxConnections: true,
  maxConnectionsPerOriginator: true,
  maxRate: true,
  maxBandwidth: true,
  maxBandwidthPerConnection: true,
  firstByteTimeoutMs: true,
  idleTimeoutMs: true,
  maxDurationMs: true,
  decide: true,
  decideTimeoutMs: true,
};

/** The rules that go by the originator's address. */
const byOriginator = [
  "allow",
  "deny",
  "maxConnectionsPerOriginator",
] as const;

/** Whether a rule goes by the originator's address. */
export function goByOriginator(rules: AdmissionRules): boolean {
  return byOriginator.some((rule) => rules[rule] !== undefined);
}

/** @throws {ArgumentError} if a rule cannot apply to a bind: with a Unix socket, the server tells no originator. */
export function checkRulesFor(bind: Bind, rules: AdmissionRules): void {
  if (isTcp(bind)) return;
  const rule = byOriginator.find((rule) => rules[rule] !== undefined);
  if (rule === undefined) return;
  throw new ArgumentError(
    `admission.${rule}`,
    `the server does not report who connects to a Unix socket (${bind.path}); use its file mode there`,
  );
}

/** @throws {ArgumentError} if a rule is unknown, or its number or time cannot be used. */
export function checkRules(rules: AdmissionRules): void {
  checkObject("admission", rules);
  for (const name of Object.keys(rules)) {
    // A typing error must not admit everyone.
    if (!(name in known)) {
      throw new ArgumentError(`admission.${name}`, "there is no such rule");
    }
  }
  for (
    const name of [
      "firstByteTimeoutMs",
      "idleTimeoutMs",
      "maxDurationMs",
      "decideTimeoutMs",
    ] as const
  ) checkMs(`admission.${name}`, rules[name]);
  for (
    const [name, least] of [
      ["maxConnections", 0],
      ["maxConnectionsPerOriginator", 0],
      ["maxRate", Number.MIN_VALUE],
      ["maxBandwidth", 1],
      ["maxBandwidthPerConnection", 1],
    ] as const
  ) {
    const value = rules[name];
    if (value === undefined) continue;
    if (typeof value === "number" && value >= least && value < Infinity) {
      continue;
    }
    throw new ArgumentError(
      `admission.${name}`,
      `${shown(value)} is not a number ${
        least === 1 ? "from 1" : least === 0 ? "from 0" : "above 0"
      }`,
    );
  }
  if (rules.decide !== undefined && typeof rules.decide !== "function") {
    throw new ArgumentError("admission.decide", "use a function");
  }
}
