/** Steps of a script that say nothing about this package, and why. */
export interface Inapplicable {
  /** Matches the steps, by what the script calls them. */
  readonly steps: RegExp;
  /** Why they do not apply. */
  readonly reason: string;
}

/** A script of OpenSSH's tests. */
export interface Script {
  /** Its name, without `.sh`. */
  readonly name: string;
  /** Steps that do not apply. */
  readonly inapplicable?: readonly Inapplicable[];
  /** Whether its keys are those of an agent, so that FIDO keys are among them. */
  readonly withAgent?: boolean;
  /** Whether the short form runs it. */
  readonly inShort?: boolean;
  /** Whether it binds ports of its own choice, as others do. */
  readonly ownPorts?: boolean;
}

const FORWARDED_AGENT = "the agent is not forwarded";

/** The scripts about what this package has, the long ones first. */
export const scripts: readonly Script[] = [
  { name: "forward-control", ownPorts: true },
  { name: "rekey" },
  { name: "cert-hostkey" },
  { name: "cert-userkey" },
  { name: "integrity" },
  { name: "try-ciphers", inShort: true },
  {
    name: "agent-restrict",
    withAgent: true,
    inapplicable: [{
      steps:
        /keylist|^multihop (agent|restrict|user|wild|wrong|cycle (agent|restrict))/,
      reason: FORWARDED_AGENT,
    }],
  },
  {
    name: "percent",
    inapplicable: [
      { steps: /: test localcommand=/, reason: "LocalCommand is not run" },
      { steps: /: test controlpath=/, reason: "connections are not shared" },
      { steps: /: test forwardagent=/, reason: FORWARDED_AGENT },
      {
        steps: /: test localforward=/,
        reason: "LocalForward is not read: only remote forwards are made",
      },
    ],
  },
  { name: "keytype" },
  { name: "kextype", inShort: true },
  { name: "limit-keytype", inShort: true },
  {
    name: "forwarding",
    ownPorts: true,
    inShort: true,
    inapplicable: [{
      steps: /^config file: /,
      reason: "they go through a LocalForward, which is not read",
    }],
  },
  {
    name: "agent",
    withAgent: true,
    inapplicable: [{ steps: /^agent forwarding/, reason: FORWARDED_AGENT }],
  },
  { name: "hostkey-rotate" },
  { name: "cert-file", inShort: true },
  { name: "multipubkey", inShort: true },
  { name: "exit-status" },
  { name: "connect", inShort: true },
  { name: "knownhosts", inShort: true },
  { name: "proxy-connect", inShort: true },
];
