import {
  ConnectionLostError,
  ForwardDeniedError,
  RForwardError,
} from "../../errors.ts";
import { Deadline } from "../../deadline.ts";
import type { Logger } from "../../logger.ts";
import { checkHost, checkMs, checkPort, checkText } from "../../validate.ts";
import { checkBind, isTcp } from "../bind.ts";
import { Channel, PACKET, WINDOW } from "./channel.ts";
import type {
  Bind,
  CloseReason,
  ExecOptions,
  ForwardedOpenTaker,
  OpenDirectOptions,
  PingOptions,
  ServerInfo,
  SshChannel,
  SshConnection,
  SshProcess,
} from "../connection.ts";
import { formatAddress } from "../../format_address.ts";
import { forwardDenied } from "../forward_denied.ts";
import { GlobalRequests } from "./global_requests.ts";
import { type KeepaliveOptions, watchKeepalive } from "./keepalive.ts";
import { Mux } from "./mux.ts";
import { SessionChannel, startProcess } from "./process.ts";
import { serverKind } from "../server_kind.ts";
import type { Ssh2Protocol } from "../ssh2.ts";
import type { Ssh2Socket } from "../ssh2_socket.ts";

/** What an authenticated connection is made of. */
export interface ConnectionParts {
  server: ServerInfo;
  protocol: Ssh2Protocol;
  socket: Ssh2Socket;
  /** Says goodbye to the server and ends the socket. */
  disconnect: () => void;
  requestTimeoutMs: number;
  keepalive: KeepaliveOptions;
  logger: Logger;
}

/** An SshConnection over what npm:ssh2 has authenticated. */
export class ClientConnection implements SshConnection {
  readonly server: ServerInfo;
  readonly closed: Promise<CloseReason>;

  readonly #parts: ConnectionParts;
  readonly #mux: Mux;
  readonly #requests: GlobalRequests;
  readonly #ended = new AbortController();
  readonly #closed = Promise.withResolvers<CloseReason>();
  readonly #stopKeepalive: () => void;
  #onCancelled: ((bind: Bind) => void) | undefined;
  #closing = false;
  #lost: ConnectionLostError | undefined;

  constructor(parts: ConnectionParts) {
    const { server, protocol, socket, logger } = parts;
    this.#parts = parts;
    this.server = server;
    this.closed = this.#closed.promise;
    const fail = (error: ConnectionLostError) => this.fail(error);
    this.#requests = new GlobalRequests(parts.requestTimeoutMs, fail);
    this.#mux = new Mux(protocol, socket, this.#requests, logger);
    this.#stopKeepalive = watchKeepalive(parts.keepalive, {
      bytesRead: () => socket.bytesRead,
      ask: () => this.#requests.ping(() => protocol.ping()),
      fail,
    });
    socket.on("close", () => this.#end());
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  get openChannels(): number {
    return this.#mux.size;
  }

  async requestForward<B extends Bind>(bind: B): Promise<B> {
    checkBind(bind);
    const { protocol } = this.#parts;
    const reply = isTcp(bind)
      ? await this.#ask(
        "tcpip-forward",
        () => protocol.tcpipForward(bind.address, bind.port, true),
      )
      : await this.#ask(
        "streamlocal-forward@openssh.com",
        () => protocol.openssh_streamLocalForward(bind.path, true),
      );
    if (!reply.success) {
      throw forwardDenied(bind, reply.said, serverKind(this.server));
    }
    if (!isTcp(bind) || bind.port !== 0) return { ...bind };
    return { ...bind, port: this.#chosenPort(bind, reply.data) };
  }

  async cancelForward(bind: Bind): Promise<boolean> {
    checkBind(bind);
    const { protocol } = this.#parts;
    const reply = isTcp(bind)
      ? await this.#ask(
        "cancel-tcpip-forward",
        () => protocol.cancelTcpipForward(bind.address, bind.port, true),
      )
      : await this.#ask(
        "cancel-streamlocal-forward@openssh.com",
        () => protocol.openssh_cancelStreamLocalForward(bind.path, true),
      );
    if (reply.success) this.#onCancelled?.(bind);
    return reply.success;
  }

  takeForwardedOpens(
    taker: ForwardedOpenTaker,
    onCancelled?: (bind: Bind) => void,
  ): void {
    if (this.#mux.taker) {
      throw new RForwardError(
        "invalid-argument",
        "this connection's forwarded connections have a taker already; beside tunnels, use PortDispatcher.of(connection).takeUnclaimed()",
      );
    }
    this.#mux.taker = taker;
    this.#onCancelled = onCancelled;
  }

  openDirect(
    host: string,
    port: number,
    { signal, originator }: OpenDirectOptions = {},
  ): Promise<SshChannel> {
    return this.#open(() => {
      checkHost("host", host);
      checkPort("port", port);
      const to = {
        srcIP: originator?.address ?? "127.0.0.1",
        srcPort: originator?.port ?? 0,
        dstIP: host,
        dstPort: port,
      };
      return this.#mux.open(
        (id) => this.#parts.protocol.directTcpip(id, WINDOW, PACKET, to),
        (ids) => new Channel(this.#mux, ids),
        `a connection to ${formatAddress(host, port)}`,
        signal,
      );
    });
  }

  openDirectUnix(
    path: string,
    { signal }: Pick<OpenDirectOptions, "signal"> = {},
  ): Promise<SshChannel> {
    const { protocol } = this.#parts;
    return this.#open(() => {
      checkText("path", path, "path");
      const to = { socketPath: path };
      return this.#mux.open(
        (id) => protocol.openssh_directStreamLocal(id, WINDOW, PACKET, to),
        (ids) => new Channel(this.#mux, ids),
        `a connection to ${path}`,
        signal,
      );
    });
  }

  async ping(
    { timeoutMs = 10_000, signal }: PingOptions = {},
  ): Promise<number> {
    this.#throwIfEnded();
    checkMs("timeoutMs", timeoutMs);
    signal?.throwIfAborted();
    const { protocol } = this.#parts;
    const name = "keepalive@openssh.com";
    const started = performance.now();
    const answered = this.#requests
      .requestNow(name, () => protocol.ping(), timeoutMs)
      .then(() => performance.now() - started);
    using waiting = new Deadline(timeoutMs, signal);
    return await waiting.race(answered);
  }

  async exec(
    command: string,
    options: ExecOptions = {},
  ): Promise<SshProcess> {
    const { protocol } = this.#parts;
    const channel = await this.#open(() => {
      checkText("command", command, "command");
      return this.#openSession(options);
    });
    const start = (id: number) => protocol.exec(id, command, true);
    return await startProcess(channel, start, command, options);
  }

  async shell(options: ExecOptions = {}): Promise<SshProcess> {
    const { protocol } = this.#parts;
    const channel = await this.#open(() => this.#openSession(options));
    const start = (id: number) => protocol.shell(id, true);
    return await startProcess(channel, start, undefined, options);
  }

  async close(): Promise<void> {
    if (!this.#closing && !this.#ended.signal.aborted) {
      this.#closing = true;
      this.#parts.disconnect();
    }
    await this.#parts.socket.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Ends the connection because it cannot go on. */
  fail(error: ConnectionLostError): void {
    this.#lost ??= error;
    this.#parts.socket.destroy();
  }

  #ask(name: string, send: () => void) {
    this.#throwIfEnded();
    return this.#requests.request(name, send);
  }

  #openSession({ signal }: ExecOptions): Promise<SessionChannel> {
    return this.#mux.open(
      (id) => this.#parts.protocol.session(id, WINDOW, PACKET),
      (ids) => new SessionChannel(this.#mux, ids),
      "a session",
      signal,
    );
  }

  /** Makes what is thrown at once a rejection too. */
  async #open<C>(open: () => Promise<C>): Promise<C> {
    this.#throwIfEnded();
    return await open();
  }

  #throwIfEnded(): void {
    this.#ended.signal.throwIfAborted();
    if (this.#closing) throw connectionClosed();
  }

  #chosenPort(bind: Bind, data: Uint8Array | null): number {
    const port = data && data.length >= 4
      ? new DataView(data.buffer, data.byteOffset).getUint32(0)
      : 0;
    if (port >= 1 && port <= 65535) return port;
    throw new ForwardDeniedError(
      bind,
      `the server was to choose a port and answered ${port}; ask for a port of your own choice`,
    );
  }

  #end(): void {
    if (this.#ended.signal.aborted) return;
    this.#stopKeepalive();
    const lost = this.#closing ? undefined : this.#lost ??
      new ConnectionLostError("the server closed the connection");
    const reason: CloseReason = lost
      ? { reason: "lost", error: lost }
      : { reason: "closed" };
    const error = lost ?? connectionClosed();
    this.#ended.abort(error);
    this.#mux.end(reason, error);
    this.#closed.resolve(reason);
    if (lost) this.#parts.logger.warn(`SSH connection lost: ${lost.message}`);
  }
}

function connectionClosed(): RForwardError {
  return new RForwardError(
    "connection-closed",
    "the SSH connection was closed; connect again",
  );
}
