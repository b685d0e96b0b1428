import type { Logger } from "../../logger.ts";
import { ChannelError, type RForwardError } from "../../errors.ts";
import { formatBind } from "../bind.ts";
import {
  Channel,
  type ChannelCarrier,
  type ChannelIds,
  PACKET,
  WINDOW,
} from "./channel.ts";
import { channelHandlers } from "./channel_handlers.ts";
import type { CloseReason, ForwardedOpenTaker } from "../connection.ts";
import { IncomingOpen, refusalCode } from "./forwarded_open.ts";
import type { GlobalRequests } from "./global_requests.ts";
import { printable } from "../printable.ts";
import type {
  ChannelOpenInfo,
  ConnectionHandlers,
  Ssh2Protocol,
} from "../ssh2.ts";
import type { Ssh2Socket } from "../ssh2_socket.ts";

/** Channels that may be open or wait for an answer at once; OpenSSH's limit. */
const MAX_CHANNELS = 10_000;

/** A channel that we asked for and that is not answered yet. */
interface PendingOpen {
  accept(ids: ChannelIds): void;
  refuse(error: RForwardError): void;
}

/**
 * The connection layer (RFC 4254): which message goes to which channel.
 *
 * Nothing in here throws on what the server sends: a message for a channel
 * that is not there is dropped, as it may have crossed our close.
 */
export class Mux implements ChannelCarrier {
  /** Takes connections that the server opens. */
  taker: ForwardedOpenTaker | undefined;

  readonly #channels = new Map<number, Channel>();
  readonly #pending = new Map<number, PendingOpen>();
  /** Those that are not answered yet. */
  readonly #incoming = new Set<IncomingOpen>();
  #nextId = 0;
  #ended: RForwardError | undefined;

  constructor(
    readonly protocol: Ssh2Protocol,
    readonly socket: Ssh2Socket,
    private readonly requests: GlobalRequests,
    private readonly logger: Logger,
  ) {
    Object.assign(protocol._handlers, this.#handlers());
  }

  /** Channels that are open. */
  get size(): number {
    return this.#channels.size;
  }

  /**
   * Opens a channel of ours.
   *
   * @param send Sends CHANNEL_OPEN for the channel number.
   * @param create Makes the channel once it is confirmed.
   * @param what What is opened, for errors.
   */
  open<C extends Channel>(
    send: (id: number) => void,
    create: (ids: ChannelIds) => C,
    what: string,
    signal?: AbortSignal,
  ): Promise<C> {
    signal?.throwIfAborted();
    if (this.#ended) throw this.#ended;
    const { promise, resolve, reject } = Promise.withResolvers<C>();
    const id = this.#nextId++;
    const abort = () => reject(signal!.reason);
    const answered = () => {
      this.#pending.delete(id);
      signal?.removeEventListener("abort", abort);
    };
    this.#pending.set(id, {
      accept: (ids) => {
        answered();
        const channel = this.add(create(ids));
        // The answer that nobody waits for any more still opened a channel.
        if (signal?.aborted) channel.close();
        resolve(channel);
      },
      refuse: (error) => {
        answered();
        reject(
          error instanceof ChannelError
            ? new ChannelError(
              error.code as "channel-refused",
              `the server refused ${what}: ${error.message}`,
              error.reason,
              { serverSays: error.serverSays },
            )
            : error,
        );
      },
    });
    signal?.addEventListener("abort", abort, { once: true });
    send(id);
    return promise;
  }

  /** Puts a channel on the books. */
  add<C extends Channel>(channel: C): C {
    this.#channels.set(channel.localId, channel);
    return channel;
  }

  /** Takes a channel off the books. */
  release(channel: Channel): void {
    this.#channels.delete(channel.localId);
  }

  /**
   * The connection is gone: everything on it ends.
   *
   * @param error What whoever still uses it gets.
   */
  end(reason: CloseReason, error: RForwardError): void {
    this.#ended = error;
    this.requests.onConnectionEnd(error);
    for (const open of this.#incoming) open.onConnectionEnd(error);
    for (const pending of this.#pending.values()) pending.refuse(error);
    for (const channel of this.#channels.values()) {
      channel.onConnectionEnd(reason, error);
    }
  }

  #handlers(): ConnectionHandlers {
    return {
      GLOBAL_REQUEST: (_p, _name, wantReply) => {
        if (wantReply) this.protocol.requestFailure();
      },
      REQUEST_SUCCESS: (_p, data) => this.requests.onReply(true, data),
      REQUEST_FAILURE: () => this.requests.onReply(false, null),
      DEBUG: (_p, _display, said) => this.#onDebug(printable(said)),
      CHANNEL_OPEN: (_p, info) => this.#onOpen(info),
      CHANNEL_OPEN_CONFIRMATION: (_p, info) =>
        this.#pending.get(info.recipient)?.accept({
          local: info.recipient,
          remote: info.sender,
          window: info.window,
          packetSize: info.packetSize,
        }),
      CHANNEL_OPEN_FAILURE: (_p, id, reason, text) =>
        this.#pending.get(id)?.refuse(
          new ChannelError(
            "channel-refused",
            printable(text) || `reason ${reason}`,
            reason,
            { serverSays: printable(text) || undefined },
          ),
        ),
      ...channelHandlers(this.#channels),
    };
  }

  /** DEBUG (RFC 4253 section 11.3): in this way sshd says why it will refuse. */
  #onDebug(said: string): void {
    this.logger.debug(`the server says: ${said}`);
    this.requests.onDebug(said);
  }

  /** CHANNEL_OPEN: the server has a connection for us. */
  #onOpen(info: ChannelOpenInfo): void {
    const { type, sender, data } = info;
    const unix = type === "forwarded-streamlocal@openssh.com";
    if (type !== "forwarded-tcpip" && !unix) {
      return this.protocol.channelOpenFail(
        sender,
        refusalCode("unknown-channel-type"),
        `rforward takes no ${printable(type)} channels`,
      );
    }
    if (this.#channels.size + this.#incoming.size >= MAX_CHANNELS) {
      return this.protocol.channelOpenFail(
        sender,
        refusalCode("resource-shortage"),
        `${MAX_CHANNELS} channels are open`,
      );
    }
    const open: IncomingOpen = new IncomingOpen(
      unix
        ? { path: data.socketPath ?? "" }
        : { address: data.destIP ?? "", port: data.destPort ?? 0 },
      { address: data.srcIP ?? "", port: data.srcPort ?? 0 },
      {
        confirm: () => {
          this.#incoming.delete(open);
          const local = this.#nextId++;
          this.protocol.channelOpenConfirm(sender, local, WINDOW, PACKET);
          return this.add(
            new Channel(this, {
              local,
              remote: sender,
              window: info.window,
              packetSize: info.packetSize,
            }),
          );
        },
        refuse: (reason, text) => {
          this.#incoming.delete(open);
          this.protocol.channelOpenFail(sender, refusalCode(reason), text);
        },
      },
    );
    this.#incoming.add(open);
    this.#offer(open);
  }

  async #offer(open: IncomingOpen): Promise<void> {
    try {
      await this.taker?.(open);
    } catch (error) {
      this.logger.error(
        `a connection to ${
          printable(formatBind(open.bind))
        } could not be taken: ${error}`,
        error,
      );
    } finally {
      open.refuse(
        "administratively-prohibited",
        "nothing here listens on that port",
      );
    }
  }
}
