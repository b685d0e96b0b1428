/** An assertion of a script that does not hold here, and why that is right. */
export interface ExpectedFailure {
  /** What the script says of it. */
  readonly match: RegExp;
  readonly reason: string;
}

/** The scripts that are about what this package has. */
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
    match: /fwd|via agent path/,
    reason: "agents are not forwarded",
  }],
  "agent-restrict": [],
  "hostkey-rotate": [],
  "knownhosts": [],
  "percent": [],
  "forwarding": [],
  "forward-control": [],
};
