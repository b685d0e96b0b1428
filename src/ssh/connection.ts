/**
 * The seam: all that the floors above know of SSH, in RFC 4254's words.
 *
 * {@linkcode connect} implements it over raw messages, whichever engine carries
 * them (see `message_transport.ts`). `tests/ssh/contract.ts` says what an
 * implementation has to do.
 *
 * @module
 */

import type { Duplex } from "../streams/duplex.ts";
import type { RefusalReason, RForwardError } from "../errors.ts";
import type { Negotiated } from "./message_transport.ts";

/** A TCP port on the server (RFC 4254 section 7.1). */
export interface TcpBind {
  /**
   * The bind address, sent to the server byte for byte: `"127.0.0.1"`,
   * `"::1"`, `"localhost"`, `"0.0.0.0"`, `"::"`, or `""` for all. What the
   * server makes of it is the server's choice (sshd's `GatewayPorts`).
   */
  hostname: string;
  /** 1–65535, or 0 to let the server choose. */
  port: number;
}

/** A Unix socket on the server (`streamlocal-forward@openssh.com`, OpenSSH PROTOCOL section 2.4). */
export interface UnixBind {
  /** The socket's path on the server. */
  path: string;
}

/** Where the server listens for us. */
export type Bind = TcpBind | UnixBind;

/** Who connected to the bound port, as the server reports it: untrusted. */
export interface Originator {
  /** The address; empty for a Unix socket. */
  address: string;
  /** The port; 0 for a Unix socket. */
  port: number;
}

/** How a connection, tunnel or channel ended. A promise of it never rejects. */
export interface CloseReason {
  /** `closed`: asked for. `lost`: it was not. */
  reason: "closed" | "lost";
  /** Why it was lost. */
  error?: RForwardError;
}

/** One SSH channel as Web Streams. */
export interface SshChannel extends Duplex {
  /**
   * What the other side sends. Ends at its EOF; errors if the connection is
   * lost before that. Cancelling closes the channel. The SSH window is given
   * back only as this is read. With {@linkcode connect} it is a byte stream: a
   * reader may bring its own buffer (`mode: "byob"`), which saves garbage.
   */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /**
   * What goes to the other side. Closing sends EOF and leaves the readable as
   * it is; aborting closes the channel. Errors when the channel closes. With
   * {@linkcode connect}, a write that has settled is done with its bytes: their
   * buffer may be used again.
   */
  readonly writable: WritableStream<Uint8Array>;
  /** Bytes that were taken from {@linkcode readable}. */
  readonly bytesReceived: number;
  /** Bytes written to {@linkcode writable} that went to the transport. */
  readonly bytesSent: number;
  /** Settles when the channel is closed on both sides, or the connection has ended. */
  readonly closed: Promise<CloseReason>;
  /** Closes the channel now, both directions. Idempotent. */
  close(): void;
}

/**
 * A connection to a bound port that the server asks us to take
 * (`forwarded-tcpip`, RFC 4254 section 7.2).
 */
export interface ForwardedOpen {
  /** Where the connection came in, as the server names it. */
  readonly bind: Bind;
  /** Who connected. */
  readonly originator: Originator;
  /** Aborts if the connection to the server is lost before an answer is given. */
  readonly signal: AbortSignal;
  /** Whether {@linkcode confirm} or {@linkcode refuse} was called. */
  readonly answered: boolean;
  /**
   * Takes the connection.
   * @throws {RForwardError} if it was answered before or the connection has ended.
   */
  confirm(): SshChannel;
  /** Refuses it; the program on the server sees its connection end. Does nothing once answered. */
  refuse(reason: RefusalReason, text: string): void;
}

/**
 * Takes what the server opens. What is still unanswered when the promise
 * settles is refused, so that no program on the server is left hanging.
 */
export type ForwardedOpenTaker = (open: ForwardedOpen) => Promise<void>;

/** How a command ended. */
export interface ExitStatus {
  /** Its exit status; undefined if a signal ended it or the server did not say. */
  code: number | undefined;
  /** The signal that ended it, e.g. `"SIGTERM"`. */
  signal: string | undefined;
  /** Whether the exit status was 0. */
  success: boolean;
}

/** What a command printed, and how it ended. */
export interface CommandOutput extends ExitStatus {
  /** Standard output, whole. */
  stdout: Uint8Array<ArrayBuffer>;
  /** Standard error, whole. */
  stderr: Uint8Array<ArrayBuffer>;
}

/** A command or shell that runs on the server (RFC 4254 section 6.5), shaped like `Deno.ChildProcess`. */
export interface SshProcess extends AsyncDisposable {
  /** Standard input; closing it sends EOF. */
  readonly stdin: WritableStream<Uint8Array>;
  /** Standard output. It shares one SSH window with {@linkcode stderr}: read or cancel both. */
  readonly stdout: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Standard error. */
  readonly stderr: ReadableStream<Uint8Array<ArrayBuffer>>;
  /**
   * How the command ended. Rejects if that will not be known: with
   * `ConnectionLostError` if the connection went first, with `ChannelError` or
   * the signal's reason if the channel was closed here.
   */
  readonly status: Promise<ExitStatus>;
  /** Closes stdin and collects what the command prints until it ends. */
  output(): Promise<CommandOutput>;
  /**
   * Asks the server to send a signal (RFC 4254 section 6.9). The server may
   * ignore it (OpenSSH does for root), and sends no answer.
   *
   * @param signal `"SIGTERM"` by default.
   * @throws {ArgumentError} if SSH has no such signal.
   */
  kill(signal?: SshSignal): void;
  /** Closes the channel: the command's input and output end, but no signal is sent. */
  close(): void;
}

/** The signals that SSH has (RFC 4254 section 6.10), named as `Deno.Signal` names them. */
export type SshSignal =
  | "SIGABRT"
  | "SIGALRM"
  | "SIGFPE"
  | "SIGHUP"
  | "SIGILL"
  | "SIGINT"
  | "SIGKILL"
  | "SIGPIPE"
  | "SIGQUIT"
  | "SIGSEGV"
  | "SIGTERM"
  | "SIGUSR1"
  | "SIGUSR2";

/** Options of {@linkcode SshConnection.exec} and {@linkcode SshConnection.shell}. */
export interface ExecOptions {
  /** Closes the channel when aborted. */
  signal?: AbortSignal;
}

/** Options of {@linkcode SshConnection.openDirect}. */
export interface OpenDirectOptions {
  /** Aborts the opening. Has no effect once it is open. */
  signal?: AbortSignal;
  /**
   * The originator as sent to the server.
   *
   * @default {{ address: "127.0.0.1", port: 0 }}
   */
  originator?: Originator;
}

/** Options of {@linkcode SshConnection.requestForward} and {@linkcode SshConnection.cancelForward}. */
export interface RequestOptions {
  /**
   * Ends the wait for the answer. A forward that the server grants later is
   * cancelled, before any other request.
   */
  signal?: AbortSignal;
}

/** Options of {@linkcode SshConnection.ping}. */
export interface PingOptions {
  /**
   * How long the answer may take, in milliseconds; then the connection ends.
   *
   * @default {10000}
   */
  timeoutMs?: number;
  /** Ends the wait; the answer still has to come in time. */
  signal?: AbortSignal;
}

/** What is known of the server once the connection stands. */
export interface ServerInfo {
  /** The host that was dialled. */
  readonly hostname: string;
  /** The port that was dialled. */
  readonly port: number;
  /**
   * The IP address that was dialled; undefined where `dial` or another server
   * carries the connection. Behind NAT it may be a router's.
   */
  readonly address?: string;
  /** The user that was accepted. */
  readonly user: string;
  /** The software version of the identification string, e.g. `OpenSSH_9.2p1`. */
  readonly software: string;
  /** The host key's fingerprint, `SHA256:…`. */
  readonly hostKeyFingerprint: string;
  /** The cipher of each direction that was agreed on. */
  readonly cipher: { readonly toServer: string; readonly toClient: string };
  /** All algorithms that were agreed on at first. */
  readonly negotiated: Negotiated;
}

/**
 * One authenticated SSH connection.
 *
 * @example A command on the server
 * ```ts
 * import { connect } from "@x2go/rforward";
 * import { startTestServer } from "@x2go/rforward/testing";
 *
 * await using server = await startTestServer({
 *   exec: async (command, { stdout }) => {
 *     await new Blob([`you asked for ${command}`]).stream().pipeTo(stdout);
 *     return 0;
 *   },
 * });
 * await using connection = await connect({
 *   hostname: server.hostname,
 *   port: server.port,
 *   user: server.user,
 *   password: server.password,
 *   hostKeys: { text: server.knownHosts },
 * });
 * await using process = await connection.exec("uptime");
 * const { code, stdout } = await process.output();
 * console.log(code, new TextDecoder().decode(stdout)); // 0 "you asked for uptime"
 * ```
 */
export interface SshConnection extends AsyncDisposable {
  /** Who is on the other side. */
  readonly server: ServerInfo;
  /** Settles when the connection has ended, however it did. */
  readonly closed: Promise<CloseReason>;
  /** Aborts when the connection has ended; its reason is the error, if there was one. */
  readonly signal: AbortSignal;
  /** Channels that are open now. */
  readonly openChannels: number;

  /**
   * Asks the server to listen (`tcpip-forward`, RFC 4254 section 7.1).
   *
   * @returns the bind with the port that the server chose, if it was to choose.
   * @throws {ForwardDeniedError} if the server says no.
   * @throws {ConnectionLostError} if it never answers: replies are matched by
   * position, so a missing one ends the connection.
   */
  requestForward<B extends Bind>(bind: B, options?: RequestOptions): Promise<B>;

  /**
   * Asks the server to stop listening. The address has to be the very string
   * that was asked, and the port the one that was bound.
   *
   * @returns what the server answered.
   */
  cancelForward(bind: Bind, options?: RequestOptions): Promise<boolean>;

  /**
   * Names the one taker of connections that the server opens. Without one
   * they are refused. The first tunnel or listener is one; beside them,
   * {@linkcode takeUnclaimed} takes what belongs to none of them.
   *
   * @param onCancelled Called with each bind that the server has released
   * because of {@linkcode cancelForward}, before that settles.
   * @throws {RForwardError} if there is one already.
   */
  takeForwardedOpens(
    taker: ForwardedOpenTaker,
    onCancelled?: (bind: Bind) => void,
  ): void;

  /**
   * Opens a connection from the server to `host:port` (`direct-tcpip`, RFC
   * 4254 section 7.2).
   *
   * @throws {ChannelError} if the server cannot or will not.
   */
  openDirect(
    hostname: string,
    port: number,
    options?: OpenDirectOptions,
  ): Promise<SshChannel>;

  /**
   * Opens a connection from the server to a Unix socket there
   * (`direct-streamlocal@openssh.com`, OpenSSH PROTOCOL section 2.4).
   *
   * @throws {ChannelError} if the server cannot or will not.
   */
  openDirectUnix(
    path: string,
    options?: Pick<OpenDirectOptions, "signal">,
  ): Promise<SshChannel>;

  /**
   * Asks the server for an answer (`keepalive@openssh.com`), whatever it has
   * not answered yet.
   *
   * @returns the milliseconds until the answer came.
   * @throws {ConnectionLostError} if none comes in time, which ends the connection.
   */
  ping(options?: PingOptions): Promise<number>;

  /**
   * Runs a command through the user's shell on the server.
   *
   * @throws {ChannelError} if the server will not.
   */
  exec(command: string, options?: ExecOptions): Promise<SshProcess>;

  /**
   * Starts the user's shell on the server (RFC 4254 section 6.5), without a
   * terminal (`pty-req`). Public tunnel services tell the address that they
   * give out on such a session.
   *
   * @throws {ChannelError} if the server will not.
   */
  shell(options?: ExecOptions): Promise<SshProcess>;

  /**
   * Disconnects and closes. Idempotent. Settles once the stream is closed and
   * known_hosts is written.
   */
  close(): Promise<void>;
}
