/**
 * Every error this package throws, rejects with or reports.
 *
 * All of them extend {@linkcode RForwardError}, so one `catch` can distinguish them
 * from foreign errors, and `error.code` distinguishes them without
 * reading a message.
 *
 * @module
 */

import { withoutKeys } from "./text/shown.ts";

/** What went wrong, as a closed set of strings: `switch (error.code)` is exhaustive. */
export type ErrorCode =
  | "invalid-argument"
  | "interrupted"
  | "permission-denied"
  | "host-not-found"
  | "connect-failed"
  | "connect-timeout"
  | "protocol-error"
  | "host-key-unknown"
  | "host-key-changed"
  | "host-key-revoked"
  | "host-key-rejected"
  | "key-unreadable"
  | "authentication-failed"
  | "connection-lost"
  | "connection-closed"
  | "forward-denied"
  | "channel-refused"
  | "channel-closed"
  | "target-refused"
  | "target-timeout"
  | "target-unreachable"
  | "target-failed"
  | "tunnel-stopped"
  | "time-limit"
  | "x2go-refused"
  | "x2go-output"
  | "x2go-state"
  | "x2go-timeout"
  | "x2go-share";

/** The base of every error of this package. */
export class RForwardError extends Error {
  /** What went wrong. */
  readonly code: ErrorCode;

  /**
   * Creates the error.
   *
   * @param code What went wrong.
   * @param message What was tried, on what, and what to do.
   * @param options `cause`, where another error led to this one.
   */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(withoutKeys(message), options);
    this.name = "RForwardError";
    this.code = code;
  }
}

/** An argument or option that cannot be used; nothing was sent anywhere. */
export class ArgumentError extends RForwardError {
  /** The name of the argument, e.g. `"bind.port"`. */
  readonly argument: string;

  /**
   * Creates the error.
   *
   * @param argument The name of the argument.
   * @param message What is wrong with it, and what it may be.
   */
  constructor(argument: string, message: string, options?: ErrorOptions) {
    super("invalid-argument", `${argument}: ${message}`, options);
    this.name = "ArgumentError";
    this.argument = argument;
  }
}

/** The SSH server could not be reached, or what answered does not speak SSH as it should. */
export class ConnectError extends RForwardError {
  /** The host that was tried. */
  readonly hostname: string;
  /** The port that was tried. */
  readonly port: number;

  /**
   * Creates the error.
   *
   * @param code Which stage failed.
   * @param where The host and port that were tried.
   * @param message What failed and what to do.
   */
  constructor(
    code:
      | "host-not-found"
      | "connect-failed"
      | "connect-timeout"
      | "protocol-error"
      | "permission-denied",
    where: { hostname: string; port: number },
    message: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
    this.name = "ConnectError";
    this.hostname = where.hostname;
    this.port = where.port;
  }
}

/**
 * What the other side sent breaks the SSH protocol: a message that is cut
 * short, out of order, or not authentic. It is the cause of a
 * {@linkcode ConnectError} or {@linkcode ConnectionLostError}.
 */
export class ProtocolError extends RForwardError {
  /**
   * Says what broke it.
   *
   * @param message What is wrong with what was sent.
   */
  constructor(message: string, options?: ErrorOptions) {
    super("protocol-error", message, options);
    this.name = "ProtocolError";
  }
}

/** Why a host key was not accepted. */
export type HostKeyProblem = "unknown" | "changed" | "revoked" | "rejected";

/** Where a host key is written down. */
export interface HostKeyLocation {
  /** The known_hosts file, or `"(text)"` for keys given as text. */
  file: string;
  /** The line in it, counted from 1; 0 for a key revocation list, which has none. */
  line: number;
}

/**
 * The server's host key was not accepted; the connection was closed before
 * any secret was sent.
 */
export class HostKeyError extends RForwardError {
  /**
   * `unknown`: no known_hosts line names this host with a key of any kind.
   * `changed`: lines name it, with other keys. `revoked`: an `@revoked` line
   * or a file of revoked keys holds this key, its certificate, or the authority that signed it. `rejected`: the verification callback said no,
   * or it is an RSA key of too few bits.
   */
  readonly reason: HostKeyProblem;
  /** The host as known_hosts names it: `server.example`, or `[server.example]:2222`. */
  readonly host: string;
  /** The key's fingerprint as `ssh-keygen -l` prints it: `SHA256:…`. */
  readonly fingerprint: string;
  /** The key's type, e.g. `ssh-ed25519`. */
  readonly keyType: string;
  /** The lines that decided, in the order they were read. */
  readonly locations: readonly HostKeyLocation[];

  /**
   * Creates the error.
   *
   * @param reason Why it was not accepted.
   * @param key Whose it is, its fingerprint and type, and the lines that decided.
   * @param message The whole story for a person.
   */
  constructor(
    reason: HostKeyProblem,
    key: {
      host: string;
      fingerprint: string;
      keyType: string;
      locations: readonly HostKeyLocation[];
    },
    message: string,
    options?: ErrorOptions,
  ) {
    super(`host-key-${reason}`, message, options);
    this.name = "HostKeyError";
    this.reason = reason;
    this.host = key.host;
    this.fingerprint = key.fingerprint;
    this.keyType = key.keyType;
    this.locations = key.locations;
  }
}

/**
 * The server did not accept the user, or a key of ours could not be used.
 * Never holds a password, passphrase or key.
 */
export class AuthenticationError extends RForwardError {
  /** What was tried, in order, e.g. `["publickey SHA256:…", "password"]`. */
  readonly tried: readonly string[];
  /** The methods that the server would still accept. */
  readonly acceptable: readonly string[];
  /**
   * Whether an agent was part of the reason: it refused, closed the
   * connection, or holds no key although it did, as one that is locked.
   * Another attempt may succeed; {@linkcode supervise} makes it once it was
   * connected before.
   */
  readonly agentFailed: boolean;

  /**
   * Reports a login that failed, or a key that cannot be used.
   *
   * @param code `authentication-failed`, or `key-unreadable` for a key of ours.
   * @param message What was tried and what to do.
   * @param details What was tried, what the server would accept, and whether an agent failed.
   */
  constructor(
    code: "authentication-failed" | "key-unreadable",
    message: string,
    details: {
      tried?: readonly string[];
      acceptable?: readonly string[];
      agentFailed?: boolean;
    } = {},
    options?: ErrorOptions,
  ) {
    super(code, message, options);
    this.name = "AuthenticationError";
    this.tried = details.tried ?? [];
    this.acceptable = details.acceptable ?? [];
    this.agentFailed = details.agentFailed ?? false;
  }
}

/** The SSH connection ended without being asked to. */
export class ConnectionLostError extends RForwardError {
  /**
   * Creates the error.
   *
   * @param message How it ended.
   */
  constructor(message: string, options?: ErrorOptions) {
    super("connection-lost", message, options);
    this.name = "ConnectionLostError";
  }
}

/** The server denied a request to listen (`tcpip-forward`, `streamlocal-forward@openssh.com`). */
export class ForwardDeniedError extends RForwardError {
  /** What the server was asked to listen on; port 0 where it was to choose. */
  readonly bind: { hostname: string; port: number } | { path: string };
  /**
   * What the server said of it, one line fit to be shown. OpenSSH 9.2 says
   * `Server has disabled port forwarding.` or the like if its configuration or
   * `authorized_keys` forbid what was asked, and nothing where a port is taken
   * or only for root; dropbear says nothing.
   */
  readonly serverSays: string | undefined;

  /**
   * Creates the error.
   *
   * @param bind What was asked.
   * @param message What to check.
   * @param options `serverSays`, where the server said something.
   */
  constructor(
    bind: { hostname: string; port: number } | { path: string },
    message: string,
    options?: ErrorOptions & { serverSays?: string | undefined },
  ) {
    super("forward-denied", message, options);
    this.serverSays = options?.serverSays;
    this.name = "ForwardDeniedError";
    this.bind = bind;
  }
}

/** A target on this side could not be reached; the channel was refused. */
export class TargetError extends RForwardError {
  /** The target, e.g. `127.0.0.1:4713`. */
  readonly target: string;

  /**
   * For programs that serve targets of their own.
   *
   * @param code `target-refused` if nothing listens there, `target-timeout` if
   * it was silent, `target-unreachable` if there is no way to it,
   * `permission-denied` if Deno does not allow it, else `target-failed`.
   * @param target The target as text.
   * @param message What happened.
   */
  constructor(
    code:
      | "target-refused"
      | "target-timeout"
      | "target-unreachable"
      | "target-failed"
      | "permission-denied",
    target: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
    this.name = "TargetError";
    this.target = target;
  }
}

/** Why a channel is refused (RFC 4254 section 5.1). */
export type RefusalReason =
  | "administratively-prohibited"
  | "connect-failed"
  | "unknown-channel-type"
  | "resource-shortage";

/** A channel that the other side refused to open, or that ended under a writer. */
export class ChannelError extends RForwardError {
  /** Why it was refused; undefined if it ended, or the server gave a code that the RFC does not name. */
  readonly reason: RefusalReason | undefined;
  /**
   * The server's own words for it, one printable line. OpenSSH and dropbear
   * quote the system here, e.g. `Connection refused`.
   */
  readonly serverSays: string | undefined;

  /**
   * For implementations of {@linkcode SshConnection}.
   *
   * @param code `channel-refused` or `channel-closed`.
   * @param message What was refused or ended.
   * @param reason Why it was refused, if the server said so.
   * @param options `serverSays`, where the server said something.
   */
  constructor(
    code: "channel-refused" | "channel-closed",
    message: string,
    reason?: RefusalReason,
    options?: ErrorOptions & { serverSays?: string | undefined },
  ) {
    super(code, message, options);
    this.name = "ChannelError";
    this.reason = reason;
    this.serverSays = options?.serverSays;
  }
}
