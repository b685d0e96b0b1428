import {
  type ConnectionLostError,
  ForwardDeniedError,
  RForwardError,
} from "../../errors.ts";
import { Deadline } from "../../abort.ts";
import type { Logger } from "../../logger.ts";
import { checkHost, checkMs, checkPort, checkText } from "../../validate.ts";
import { checkBind, isTcp } from "../bind.ts";
import { Acknowledger } from "./acknowledger.ts";
import { Channel } from "./channel.ts";
import type {
  Bind,
  CloseReason,
  ExecOptions,
  ForwardedOpenTaker,
  OpenDirectOptions,
  PingOptions,
  RequestOptions,
  ServerInfo,
  SshChannel,
  SshConnection,
  SshProcess,
} from "../connection.ts";
import { formatAddress } from "../../text/format_address.ts";
import { forwardDenied } from "../forward_denied.ts";
import { type GlobalReply, GlobalRequests } from "./global_requests.ts";
import { watchKeepalive } from "./keepalive.ts";
import type { KeepaliveOptions } from "../connect_options.ts";
import {
  type HostKeyProof,
  PROVE_REQUEST,
} from "../host_keys/host_key_update.ts";
import { printable } from "../../text/printable.ts";
import { Mux } from "./mux.ts";
import type { NoDelay } from "../no_delay.ts";
import { SessionChannel, startProcess } from "./process.ts";
import { serverKind } from "../server_kind.ts";
import type { MessageTransport } from "../message_transport.ts";
import { writeGlobalRequest } from "../messages/connection_messages.ts";
import {
  cancelForwardRequest,
  directStreamlocal,
  directTcpip,
  execRequest,
  forwardRequest,
  keepaliveRequest,
  type Payload,
  readChosenPort,
  shellRequest,
} from "../messages/request_payloads.ts";
import { lostBy, type TransportEnd } from "../transport_end.ts";

/** What an authenticated connection is made of. */
export interface ConnectionParts {
  server: ServerInfo;
  transport: MessageTransport;
  requestTimeoutMs: number;
  keepalive: KeepaliveOptions;
  noDelay?: NoDelay | undefined;
  logger: Logger;
  /** Called with the host keys that the server announces. */
  updateHostKeys?: (
    shown: Uint8Array,
    proof: Omit<HostKeyProof, "algorithms">,
  ) => Promise<void>;
}

/** An SshConnection over a transport on which the user is logged in. */
export class ClientConnection implements SshConnection {
  readonly server: ServerInfo;
  readonly closed: Promise<CloseReason>;

  readonly #parts: ConnectionParts;
  readonly #transport: MessageTransport;
  readonly #mux: Mux;
  readonly #acknowledger: Acknowledger;
  readonly #requests: GlobalRequests;
  readonly #ended = new AbortController();
  readonly #closed = Promise.withResolvers<CloseReason>();
  readonly #stopKeepalive: () => void;
  #onCancelled: ((bind: Bind) => void) | undefined;
  /** The update of known_hosts that is under way. */
  #updating: Promise<void> | undefined;
  #closing = false;
  #lost: ConnectionLostError | undefined;

  constructor(parts: ConnectionParts) {
    const { server, transport, logger } = parts;
    this.#parts = parts;
    this.#transport = transport;
    this.server = server;
    this.closed = this.#closed.promise;
    const fail = (error: ConnectionLostError) => this.fail(error);
    const ping = () => this.#sendRequest(keepaliveRequest);
    this.#requests = new GlobalRequests(parts.requestTimeoutMs, fail, ping);
    this.#requests.answersPings = serverKind(server) === "openssh";
    this.#acknowledger = new Acknowledger(transport);
    if (parts.noDelay === "never") this.#acknowledger.stop();
    this.#mux = new Mux(transport, this.#requests, logger, this.#acknowledger);
    this.#mux.onHostKeys = (shown) => {
      this.#mux.onHostKeys = undefined; // once
      this.#updating = this.#updateHostKeys(shown.slice());
    };
    transport.receive((message) => this.#mux.receive(message));
    this.#stopKeepalive = watchKeepalive(parts.keepalive, {
      bytesReceived: () => transport.bytesReceived,
      ask: () => this.#requests.ping(),
      fail,
    });
    if (parts.noDelay === "always") this.#runNothing();
    transport.ended.then(async (end) => {
      // After close(), pending operations fail only once it has settled, when their owners look.
      if (this.#closing) await transport.closed;
      this.#end(end);
    });
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  get openChannels(): number {
    return this.#mux.size;
  }

  async requestForward<B extends Bind>(
    bind: B,
    { signal }: RequestOptions = {},
  ): Promise<B> {
    checkBind(bind);
    const reply = await this.#ask(
      forwardRequest(bind),
      signal,
      ({ data }) => cancelForwardRequest(boundBy(bind, data)),
    );
    if (!reply.success) {
      throw forwardDenied(bind, reply.said, serverKind(this.server));
    }
    this.#requests.sample();
    return boundBy(bind, reply.data);
  }

  async cancelForward(
    bind: Bind,
    { signal }: RequestOptions = {},
  ): Promise<boolean> {
    checkBind(bind);
    const reply = await this.#ask(cancelForwardRequest(bind), signal);
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
        "this connection's forwarded connections have a taker already; beside tunnels, use takeUnclaimed()",
      );
    }
    this.#mux.taker = taker;
    this.#onCancelled = onCancelled;
  }

  openDirect(
    hostname: string,
    port: number,
    { signal, originator = { address: "127.0.0.1", port: 0 } }:
      OpenDirectOptions = {},
  ): Promise<SshChannel> {
    return this.#open(() => {
      checkHost("hostname", hostname);
      checkPort("port", port);
      return this.#mux.open(
        directTcpip(hostname, port, originator),
        (ids) => new Channel(this.#mux, ids),
        `a connection to ${formatAddress(hostname, port)}`,
        signal,
      );
    });
  }

  openDirectUnix(
    path: string,
    { signal }: Pick<OpenDirectOptions, "signal"> = {},
  ): Promise<SshChannel> {
    return this.#open(() => {
      checkText("path", path, "path");
      return this.#mux.open(
        directStreamlocal(path),
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
    const started = performance.now();
    const answered = this.#requests
      .requestNow(
        keepaliveRequest.name,
        () => this.#sendRequest(keepaliveRequest),
        timeoutMs,
      )
      .then(() => performance.now() - started);
    using waiting = new Deadline(timeoutMs, signal);
    return await waiting.race(answered);
  }

  async exec(
    command: string,
    options: ExecOptions = {},
  ): Promise<SshProcess> {
    const channel = await this.#open(() => {
      checkText("command", command, "command");
      return this.#openSession(options);
    });
    return await this.#start(channel, command, options);
  }

  async shell(options: ExecOptions = {}): Promise<SshProcess> {
    const channel = await this.#open(() => this.#openSession(options));
    return await this.#start(channel, undefined, options);
  }

  async close(): Promise<void> {
    if (!this.#closing && !this.#ended.signal.aborted) {
      this.#closing = true;
      this.#transport.close();
    }
    await this.#transport.closed;
    await this.#updating;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Ends the connection with an error. */
  fail(error: ConnectionLostError): void {
    this.#lost ??= error;
    this.#transport.destroy();
  }

  /** A failure does not end the connection. */
  async #updateHostKeys(shown: Uint8Array): Promise<void> {
    const { transport, logger, updateHostKeys } = this.#parts;
    const prove = async (data: Uint8Array) => {
      const reply = await this.#ask({ name: PROVE_REQUEST, data });
      return reply.success ? reply.data : undefined;
    };
    try {
      const { sessionId } = transport;
      await updateHostKeys?.(shown, { sessionId, prove, signal: this.signal });
    } catch (error) {
      if (this.#ended.signal.aborted) return;
      const why = printable((error as Error).message);
      logger.warn(`The known host keys of the server were not updated: ${why}`);
    }
  }

  #ask(
    request: Payload,
    signal?: AbortSignal,
    undo?: (granted: GlobalReply) => Payload,
  ): Promise<GlobalReply> {
    this.#throwIfEnded();
    return this.#requests.request(
      request.name,
      () => this.#sendRequest(request),
      signal,
      undo && ((granted) => this.#sendRequest(undo(granted))),
    );
  }

  #sendRequest({ name, data }: Payload): void {
    this.#transport.send(writeGlobalRequest({ name, wantReply: true, data }));
  }

  #openSession({ signal }: ExecOptions): Promise<SessionChannel> {
    return this.#mux.open(
      { name: "session", data: new Uint8Array() },
      (ids) => new SessionChannel(this.#mux, ids),
      "a session",
      signal,
    );
  }

  /** Starts a command, or the shell. sshd turns Nagle's algorithm off with it. */
  async #start(
    channel: SessionChannel,
    command: string | undefined,
    options: ExecOptions,
  ): Promise<SshProcess> {
    const request = command === undefined ? shellRequest : execRequest(command);
    const process = await startProcess(channel, request, command, options);
    this.#acknowledger.onCommandRun();
    return process;
  }

  /** Runs a command that does nothing: sshd turns Nagle's algorithm off with it. */
  async #runNothing(): Promise<void> {
    try {
      await (await this.exec(":")).output();
    } catch (error) {
      if (this.#ended.signal.aborted || this.#closing) return;
      this.#parts.logger.debug(
        `Nagle's algorithm stays on at the server: ${(error as Error).message}`,
      );
    }
  }

  /** Turns a synchronous throw into a rejection. */
  async #open<C>(open: () => Promise<C>): Promise<C> {
    this.#throwIfEnded();
    return await open();
  }

  #throwIfEnded(): void {
    this.#ended.signal.throwIfAborted();
    if (this.#closing) throw connectionClosed();
  }

  #end(end: TransportEnd): void {
    this.#stopKeepalive();
    const lost = this.#closing ? undefined : this.#lost ?? lostBy(end);
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

/**
 * Where the server listens, as it answered.
 *
 * @throws {ForwardDeniedError} if it was to choose a port, and none can be read.
 */
function boundBy<B extends Bind>(bind: B, answer: Uint8Array): B {
  if (!isTcp(bind) || bind.port !== 0) return { ...bind };
  const port = readChosenPort(answer) ?? 0;
  if (port >= 1 && port <= 65535) return { ...bind, port };
  throw new ForwardDeniedError(
    bind,
    `the server was to choose a port and answered ${port}; ask for a port of your own choice`,
  );
}
