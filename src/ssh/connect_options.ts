import type { Algorithms } from "./algorithms.ts";
import type { Logger } from "../logger.ts";
import type { HostKeyPolicy } from "./host_keys/host_key_policy.ts";
import type { Engine } from "./engine.ts";
import type { NoDelay } from "./no_delay.ts";
import type { RekeyLimit } from "./message_transport.ts";
import type { Dial } from "./dial/transport.ts";

/**
 * Asks the user for a secret; undefined cancels what it is for. An error
 * ends {@linkcode connect} with it.
 */
export type AskSecret = () =>
  | string
  | undefined
  | Promise<string | undefined>;

/**
 * Returns a new password for one that has expired; undefined cancels. An error
 * ends {@linkcode connect} with it.
 *
 * @param prompt What the server says about it, printable; often empty.
 */
export type ChangePassword = (
  prompt: string,
) => string | undefined | Promise<string | undefined>;

/** Where a key is. */
export type KeySource = ({ file: string } | { text: string }) & {
  /**
   * Continues without the key if it cannot be used, which is logged unless
   * there is no such file.
   *
   * @default {false}
   */
  optional?: boolean;
};

/**
 * A private key, in a file or as text: OpenSSH's own format, or PEM (PKCS#1,
 * SEC 1, PKCS#8). With an agent it may also be a public key: the agent's key
 * of that name is then offered in this place, before the agent's other keys.
 */
export type PrivateKey = KeySource & {
  /**
   * What decrypts it: the passphrase, or a callback that asks for it. That is asked only
   * if the server would take the key and no agent has it, and again if the
   * passphrase is wrong. PEM does not show the public key: where `FILE.pub`
   * does not either, it is asked before the key is offered.
   */
  passphrase?: string | AskSecret;
};

/** A public key: as a line (`ssh-ed25519 AAAA…`), or in a private key of OpenSSH's own format. */
export type PublicKey = KeySource;

/** What the server asks in keyboard-interactive authentication (RFC 4256 section 3.2). */
export interface KeyboardInteractiveRequest {
  /** A title; often empty. */
  name: string;
  /** What to show first; often empty. */
  instruction: string;
  /** The questions, in order; `echo` says whether the answer may be shown. */
  prompts: readonly { text: string; echo: boolean }[];
}

/** Answers the questions of keyboard-interactive authentication, in order; undefined leaves them unanswered, and the next method is tried. */
export type KeyboardInteractive = (
  request: KeyboardInteractiveRequest,
) => readonly string[] | undefined | Promise<readonly string[] | undefined>;

/**
 * Options of {@linkcode connect}.
 *
 * Authentication methods are tried in this order, each only if the server
 * offers it: `privateKeys` in the order given, the agent's keys,
 * keyboard-interactive, password. The keys that were named come before the
 * agent's because servers cut off after a few tries (sshd: 6).
 */
export interface ConnectOptions {
  /** Name or address of the SSH server; an IPv6 address may have brackets, as in `URL.hostname`. */
  hostname: string;
  /**
   * Its port.
   *
   * @default {22}
   */
  port?: number;
  /** The user there. */
  user: string;
  /**
   * Uses only IPv4 or IPv6 addresses of the host (OpenSSH: `AddressFamily`);
   * either by default. Needs `--allow-net=HOST`, without a port, and for the
   * addresses as well. With or without it, a name's addresses are tried one
   * after the other, each 250 ms after the one before it or once that refused.
   */
  addressFamily?: 4 | 6;
  /**
   * Reaches the server instead of TCP: through another server, or through a
   * program. Host keys are still those of `hostname` and `port`. See
   * {@linkcode connectThrough} for chains of servers.
   */
  dial?: Dial;

  /**
   * The fewest bits that RSA keys may have (OpenSSH: `RequiredRSASize`): the
   * server's, its authorities' and those to log in with. Never fewer than 1024.
   *
   * @default {2048}
   */
  minRsaBits?: number;

  /** Keys to log in with. */
  privateKeys?: readonly PrivateKey[];
  /**
   * Certificates of the user's, each for a key of `privateKeys` or of the
   * agent, before which it is offered (OpenSSH: `CertificateFile`). By default
   * those beside the files of `privateKeys`, in `FILE-cert.pub` or `FILE.pub`,
   * that Deno is allowed to read.
   */
  certificates?: readonly PublicKey[];
  /** The path of an SSH agent's socket, or true for the one that `SSH_AUTH_SOCK` names. */
  agent?: string | true;
  /** The only keys of the agent to offer (OpenSSH: `IdentitiesOnly`); all of them by default. */
  agentKeys?: readonly PublicKey[];
  /** Answers the server's questions. Without it, a lone question with a hidden answer gets the password. */
  keyboardInteractive?: KeyboardInteractive;
  /** The user's password, or a callback that asks for it (called only if the server wants it). */
  password?: string | AskSecret;
  /**
   * Returns the new password if the server says that the password has expired
   * (RFC 4252 section 8), again if that is refused. Without it, the login fails then.
   */
  changePassword?: ChangePassword;
  /**
   * How often each callback for a secret is asked, at most, if what it gave
   * was refused (OpenSSH: `NumberOfPasswordPrompts`).
   *
   * @default {3}
   */
  maxPrompts?: number;

  /**
   * Which host keys are good. By default those in `~/.ssh/known_hosts` and
   * `/etc/ssh/ssh_known_hosts`, and no others.
   */
  hostKeys?: HostKeyPolicy;

  /**
   * How often reaching the server is tried, a second apart (OpenSSH:
   * `ConnectionAttempts`). What fails after that, in the key exchange or the
   * login, is not tried again.
   *
   * @default 1
   */
  connectionAttempts?: number;
  /**
   * How long each stage may take, in milliseconds: reaching the server, the
   * key exchange, each answer in authentication. Time that a callback of yours
   * takes does not count.
   *
   * @default {20000}
   */
  connectTimeoutMs?: number;
  /**
   * How long the server may take to answer a global request, in milliseconds.
   *
   * @default {10000}
   */
  requestTimeoutMs?: number;
  /** Finds dead connections: by default after four times 15 s of silence. */
  keepalive?: KeepaliveOptions;
  /**
   * What is done about Nagle's algorithm on the server.
   *
   * @default {"auto"}
   */
  noDelay?: NoDelay;
  /** Algorithms to offer instead of the default ones. */
  algorithms?: Algorithms;
  /** When to exchange keys again (OpenSSH: `RekeyLimit`); by default as OpenSSH does. */
  rekey?: RekeyLimit;
  /** What speaks SSH's transport layer: the native engine by default, or `ssh2` of `@x2go/rforward/ssh2`. */
  engine?: Engine;
  /**
   * Receives what the server says before the login (RFC 4252 section 5.4), such as
   * who may use it, if it says anything: lines without characters that do
   * something to a terminal, 20 times at most. Its host key is known to be good
   * then.
   */
  onBanner?: (text: string) => void;
  /** Aborts the attempt. Has no effect once connected. */
  signal?: AbortSignal;
  /** Logger; silent by default. */
  logger?: Logger;
}

/** How a connection is found dead (OpenSSH: `ServerAliveInterval`, `ServerAliveCountMax`). */
export interface KeepaliveOptions {
  /**
   * How long the server may be silent before it is asked, in milliseconds; 0
   * never asks.
   *
   * @default {15000}
   */
  intervalMs?: number;
  /**
   * How many requests may stay unanswered before the connection ends.
   *
   * @default {3}
   */
  countMax?: number;
}
