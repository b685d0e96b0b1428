/** A private key to log in with. */
export interface IdentityFile {
  /** Its path. */
  readonly path: string;
  /**
   * Whether the user named it (on the command line or in the user's
   * configuration). Those that only the system's configuration or nobody named
   * may well not exist.
   */
  readonly explicit: boolean;
}

/** A server on the way (`ProxyJump`). What is not given is looked up in the configuration for `host`. */
export interface JumpHost {
  /** The user there. */
  readonly user?: string;
  /** A name, an address, or a `Host` of the configuration. */
  readonly host: string;
  /** The port there. */
  readonly port?: number;
}

/** A `RemoteForward`: joined by a colon its parts are what `-R` takes. */
export interface RemoteForward {
  /** What to bind: `[address:]port`, or the path of a Unix socket. */
  readonly listen: string;
  /** What it leads to: `host:port`, or the path of a Unix socket; undefined for a SOCKS proxy. */
  readonly connect?: string;
  /** Where this was said, e.g. `/home/alice/.ssh/config:3`. */
  readonly where: string;
}

/** How much to tell, as `LogLevel` has it. */
export type SshLogLevel =
  | "QUIET"
  | "FATAL"
  | "ERROR"
  | "INFO"
  | "VERBOSE"
  | "DEBUG1"
  | "DEBUG2"
  | "DEBUG3";

/**
 * What ssh_config says about one destination. Names are those of
 * ssh_config(5); what nobody set is undefined. Tokens, `~` and variables are
 * expanded.
 */
export interface SshSettings {
  /** The destination's host as it was typed: what `known_hosts` and people may call it. */
  readonly host: string;
  /** The host to connect to, in lower case; an address in its usual form. */
  readonly hostName: string;
  /** The user there; the local user's name by default. */
  readonly user: string;
  /** 22 by default. */
  readonly port: number;

  /** Which addresses to use. */
  readonly addressFamily?: "any" | "inet" | "inet6";
  /** The local address to connect from. */
  readonly bindAddress?: string;
  /** How long connecting may take, in milliseconds; 0 for no limit of ssh's own. */
  readonly connectTimeoutMs?: number;
  /** How often to try, a second apart; at least 1. */
  readonly connectionAttempts?: number;
  /** After how much silence to ask whether the server is alive, in milliseconds; 0 for never. */
  readonly serverAliveIntervalMs?: number;
  /** How many such questions may stay unanswered. */
  readonly serverAliveCountMax?: number;
  /** TCP's own keepalive. */
  readonly tcpKeepAlive?: boolean;

  /**
   * Servers to go through, in order. As in ssh, the configuration of each
   * (resolved without this destination's `-o` options) counts, but of their
   * `proxyJump` only that of the first.
   */
  readonly proxyJump?: readonly JumpHost[];
  /** A shell command whose standard input and output are the connection. Never set together with `proxyJump`. */
  readonly proxyCommand?: string;

  /** Private keys, in order; ssh's default ones if none is named, none if `none` is. */
  readonly identityFiles: readonly IdentityFile[];
  /** Use no keys of the agent but those of `identityFiles` and `certificateFiles`. */
  readonly identitiesOnly?: boolean;
  /** The agent's socket: `IdentityAgent`, else `SSH_AUTH_SOCK`; undefined for no agent. */
  readonly identityAgent?: string;
  /** Certificates, in order. */
  readonly certificateFiles: readonly string[];
  /** Whether to log in by key. */
  readonly pubkeyAuthentication?: boolean;
  /** Whether to log in by password. */
  readonly passwordAuthentication?: boolean;
  /** Whether to answer questions of the server. */
  readonly kbdInteractiveAuthentication?: boolean;
  /** Methods, most wanted first. */
  readonly preferredAuthentications?: readonly string[];
  /** How often to ask for a password. */
  readonly numberOfPasswordPrompts?: number;
  /** Ask the user nothing. */
  readonly batchMode?: boolean;

  /** What to do about host keys that are not known; `off` is `no`. */
  readonly strictHostKeyChecking?: "yes" | "no" | "ask" | "accept-new";
  /** Whether to hash names that are added to known_hosts. */
  readonly hashKnownHosts?: boolean;
  /** The name to look up in known_hosts instead of the host's. */
  readonly hostKeyAlias?: string;
  /** The user's known_hosts files; ssh's by default, empty for `none`. The first is the one to add to. */
  readonly userKnownHostsFiles: readonly string[];
  /** The system's known_hosts files; ssh's by default, empty for `none`. */
  readonly globalKnownHostsFiles: readonly string[];

  /** Whether to learn further keys of a server that is known; by default if `userKnownHostsFiles` are ssh's own. */
  readonly updateHostKeys?: "yes" | "no" | "ask";
  /** The fewest bits of RSA keys. */
  readonly requiredRsaSize?: number;

  /** A file of host keys to refuse; without it in reach, all of them are refused. */
  readonly revokedHostKeys?: string;

  /** As written, for {@linkcode applyAlgorithmList}. */
  readonly caSignatureAlgorithms?: string;
  /** As written, for {@linkcode applyAlgorithmList}. */
  readonly hostKeyAlgorithms?: string;
  /** As written, for {@linkcode applyAlgorithmList}. */
  readonly ciphers?: string;
  /** As written, for {@linkcode applyAlgorithmList}. */
  readonly macs?: string;
  /** As written, for {@linkcode applyAlgorithmList}. */
  readonly kexAlgorithms?: string;
  /** As written, for {@linkcode applyAlgorithmList}. */
  readonly pubkeyAcceptedAlgorithms?: string;
  /** Whether to compress what goes over the connection. */
  readonly compression?: boolean;
  /** After how many bytes to exchange keys again; 0 for ssh's default. */
  readonly rekeyBytes?: number;
  /** After what time to exchange keys again, in milliseconds; 0 for never. */
  readonly rekeyMs?: number;

  /** In order, none twice; empty if `clearAllForwardings`. */
  readonly remoteForwards: readonly RemoteForward[];
  /** Forget all forwards, those of the command line too. */
  readonly clearAllForwardings?: boolean;
  /** End if not everything could be forwarded. */
  readonly exitOnForwardFailure?: boolean;
  /** Remove a local socket file that is in the way. */
  readonly streamLocalBindUnlink?: boolean;

  /** What the connection is for besides forwards: `none` for nothing (`-N`). */
  readonly sessionType?: "none" | "subsystem" | "default";
  /** What to run on the server instead of the user's shell. */
  readonly remoteCommand?: string;

  /** How much to tell. */
  readonly logLevel?: SshLogLevel;

  /** What the configuration asks for and will not get, each with file and line. */
  readonly warnings: readonly string[];
}
