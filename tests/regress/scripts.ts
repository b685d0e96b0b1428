/** An assertion of a script that does not hold here, and why that is right. */
export interface ExpectedFailure {
  /** What the script says of it. */
  readonly match: RegExp;
  readonly reason: string;
}

/**
 * The scripts that are about what this package has. Those of forwarding begin
 * with `-L`, which it has not; the one of rekeying looks into ssh's own log.
 */
export const scripts: Record<string, readonly ExpectedFailure[]> = {
  "connect": [],
  "proxy-connect": [],
  "exit-status": [],
  "kextype": [],
  "try-ciphers": [],
  "integrity": [],
  "cert-hostkey": [],
  "cert-userkey": [],
  "cert-file": [],
  "keytype": [],
  "multipubkey": [],
  "limit-keytype": [],
  "agent": [{
    match: /fwd|via agent path|different agent/,
    reason: "agents are not forwarded",
  }],
  "agent-restrict": [{
    match: /unexpected ssh output|multihop/,
    reason: "agents are not forwarded",
  }],
  "hostkey-rotate": [],
  "knownhosts": [],
  "percent": [{
    match: /^test (localcommand|controlpath|forwardagent|localforward)=/,
    reason: "is an option that has no meaning here",
  }],
};
