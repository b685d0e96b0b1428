import { onAbort } from "../../abort.ts";
import {
  ChannelError,
  type RefusalReason,
  type RForwardError,
} from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import { formatBind } from "../bind.ts";
import type { CloseReason, ForwardedOpenTaker } from "../connection.ts";
import { HOST_KEYS_REQUEST } from "../host_keys/host_key_update.ts";
import type { MessageTransport } from "../message_transport.ts";
import {
  type ChannelOpen,
  type GlobalRequest,
  readChannelConfirmation,
  readChannelOpen,
  readChannelOpenFailure,
  readGlobalRequest,
  writeChannelConfirmation,
  writeChannelOpen,
  writeChannelOpenFailure,
  writeRequestFailure,
} from "../messages/connection_messages.ts";
import { MessageNumber } from "../messages/message_number.ts";
import {
  type Payload,
  readForwardedConnection,
} from "../messages/request_payloads.ts";
import { readDebug } from "../messages/transport_messages.ts";
import { printable } from "../../text/printable.ts";
import type { Acknowledger } from "./acknowledger.ts";
import {
  Channel,
  type ChannelCarrier,
  type ChannelIds,
  PACKET,
} from "./channel.ts";
import { deliverToChannel } from "./deliver_to_channel.ts";
import { IncomingOpen } from "./forwarded_open.ts";
import type { GlobalRequests } from "./global_requests.ts";
import { ReceiveWindows } from "./receive_windows.ts";
import { SharedSending } from "./send_window.ts";

/** Channels that may be open or wait for an answer at once; OpenSSH's limit. */
const MAX_CHANNELS = 10_000;

/** A channel that we asked for and that is not answered yet. */
interface PendingOpen {
  accept(ids: Omit<ChannelIds, "receiveWindow">): void;
  refuse(error: RForwardError): void;
}

/**
 * The connection layer (RFC 4254): which message goes to which channel.
 *
 * Nothing in here throws on what the server sends: a message for a channel
 * that is not there is dropped, as it may have crossed our close.
 */
export class Mux implements ChannelCarrier {
  /** Receives connections that the server opens. */
  taker: ForwardedOpenTaker | undefined;
  /** Called when the server shows its host keys; the data is lent for the call. */
  onHostKeys: ((shown: Uint8Array) => void) | undefined;

  readonly #channels = new Map<number, Channel>();
  readonly sharedSending: SharedSending;
  readonly #windows: ReceiveWindows;
  readonly #pending = new Map<number, PendingOpen>();
  /** Opens that are not answered yet. */
  readonly #incoming = new Set<IncomingOpen>();
  readonly #answerer = {
    confirm: (open: IncomingOpen) => this.#confirm(open),
    refuse: (open: IncomingOpen, reason: RefusalReason, text: string) => {
      this.#incoming.delete(open);
      this.#refuse(open.offer.sender, reason, text);
    },
  };
  #nextId = 0;
  #ended: RForwardError | undefined;

  constructor(
    readonly transport: MessageTransport,
    private readonly requests: GlobalRequests,
    private readonly logger: Logger,
    readonly acknowledger?: Acknowledger,
  ) {
    this.#windows = new ReceiveWindows(requests);
    this.sharedSending = new SharedSending(requests);
  }

  /** Channels that are open. */
  get size(): number {
    return this.#channels.size;
  }

  /**
   * Opens a channel from this side.
   *
   * @param payload The channel's type, and what goes with it.
   * @param create Creates the channel once it is confirmed.
   * @param what What is opened, for errors.
   */
  open<C extends Channel>(
    { name: type, data }: Payload,
    create: (ids: ChannelIds) => C,
    what: string,
    signal?: AbortSignal,
  ): Promise<C> {
    signal?.throwIfAborted();
    if (this.#ended) throw this.#ended;
    const { promise, resolve, reject } = Promise.withResolvers<C>();
    const id = this.#nextId++;
    const watch = onAbort(signal, reject);
    const receiveWindow = this.#windows.open();
    const answered = () => {
      this.#pending.delete(id);
      watch[Symbol.dispose]();
    };
    this.#pending.set(id, {
      accept: (ids) => {
        answered();
        const channel = this.add(create({ ...ids, receiveWindow }));
        // The opening was aborted, but the channel is open now.
        if (signal?.aborted) channel.close();
        resolve(channel);
      },
      refuse: (error) => {
        answered();
        receiveWindow.close();
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
    this.transport.send(
      writeChannelOpen({
        ...{ type, sender: id, data },
        ...{ window: receiveWindow.size, maxPacket: PACKET },
      }),
    );
    return promise;
  }

  /** Registers a channel. */
  add<C extends Channel>(channel: C): C {
    this.#channels.set(channel.localId, channel);
    return channel;
  }

  /** Forgets a channel. */
  release(channel: Channel): void {
    this.#channels.delete(channel.localId);
  }

  /**
   * Called when the connection ends; fails everything still open.
   *
   * @param error The error of everything that still uses it.
   */
  end(reason: CloseReason, error: RForwardError): void {
    this.#ended = error;
    this.acknowledger?.stop();
    this.requests.onConnectionEnd(error);
    for (const open of this.#incoming) open.onConnectionEnd(error);
    for (const pending of this.#pending.values()) pending.refuse(error);
    for (const channel of this.#channels.values()) {
      channel.onConnectionEnd(reason, error);
    }
  }

  /**
   * Handles a message from the server.
   *
   * @returns false if it is of an unknown kind.
   * @throws {ProtocolError} if it is cut short.
   */
  receive(message: Uint8Array): boolean {
    const acknowledger = this.acknowledger;
    acknowledger?.onMessage();
    const isKnown = deliverToChannel(message, this.#channels) ||
      this.#take(message);
    acknowledger?.onHandled(message[0]);
    return isKnown;
  }

  #take(message: Uint8Array): boolean {
    switch (message[0]) {
      case MessageNumber.CHANNEL_OPEN:
        this.#onOpen(readChannelOpen(message));
        return true;
      case MessageNumber.CHANNEL_OPEN_CONFIRMATION:
        this.#onConfirmation(message);
        return true;
      case MessageNumber.CHANNEL_OPEN_FAILURE:
        this.#onOpenFailure(message);
        return true;
      case MessageNumber.GLOBAL_REQUEST:
        this.#onGlobalRequest(readGlobalRequest(message));
        return true;
      case MessageNumber.REQUEST_SUCCESS:
      case MessageNumber.REQUEST_FAILURE:
        this.requests.onReply(
          message[0] === MessageNumber.REQUEST_SUCCESS,
          message.slice(1),
        );
        return true;
      case MessageNumber.DEBUG:
        this.#onDebug(printable(readDebug(message)));
        return true;
      case MessageNumber.EXT_INFO: // news for logins only
        return true;
      default:
        return false;
    }
  }

  #onGlobalRequest({ name, data, wantReply }: GlobalRequest): void {
    if (name === HOST_KEYS_REQUEST) this.onHostKeys?.(data);
    if (wantReply) this.transport.send(writeRequestFailure());
  }

  #onConfirmation(message: Uint8Array): void {
    const { recipient, sender, window, maxPacket } = readChannelConfirmation(
      message,
    );
    this.#pending.get(recipient)?.accept({
      ...{ local: recipient, remote: sender, window, packetSize: maxPacket },
    });
  }

  #onOpenFailure(message: Uint8Array): void {
    const { recipient, reason, text } = readChannelOpenFailure(message);
    this.#pending.get(recipient)?.refuse(
      new ChannelError(
        "channel-refused",
        printable(text) || reason || "no reason given",
        reason,
        { serverSays: printable(text) || undefined },
      ),
    );
  }

  /** DEBUG (RFC 4253 section 11.3): sshd explains a refusal this way, in advance. */
  #onDebug(said: string): void {
    this.logger.debug(`the server says: ${said}`);
    this.requests.onDebug(said);
  }

  /** CHANNEL_OPEN: the server has a connection for us. */
  #onOpen(message: ChannelOpen): void {
    const { type, sender, data } = message;
    const connection = readForwardedConnection(type, data);
    if (!connection) {
      return this.#refuse(
        sender,
        "unknown-channel-type",
        `rforward does not accept ${printable(type)} channels`,
      );
    }
    if (this.#channels.size + this.#incoming.size >= MAX_CHANNELS) {
      const text = `${MAX_CHANNELS} channels are open`;
      return this.#refuse(sender, "resource-shortage", text);
    }
    const { window, maxPacket } = message;
    const open = new IncomingOpen(
      connection,
      { sender, window, maxPacket },
      this.#answerer,
    );
    this.#incoming.add(open);
    this.#offer(open);
  }

  #confirm(open: IncomingOpen): Channel {
    this.#incoming.delete(open);
    const { sender, window, maxPacket } = open.offer;
    const local = this.#nextId++;
    const receiveWindow = this.#windows.open();
    this.transport.send(
      writeChannelConfirmation({
        ...{ recipient: sender, sender: local },
        ...{ window: receiveWindow.size, maxPacket: PACKET },
      }),
    );
    this.acknowledger?.onConfirmed();
    this.requests.sample();
    return this.add(
      new Channel(this, {
        ...{ local, remote: sender, window, packetSize: maxPacket },
        receiveWindow,
      }),
    );
  }

  #refuse(sender: number, reason: RefusalReason, text: string): void {
    this.transport.send(writeChannelOpenFailure(sender, reason, text));
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
