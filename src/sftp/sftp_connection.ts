import { type RefusalReason, RForwardError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import {
  Channel,
  type ChannelCarrier,
  type ChannelIds,
  PACKET,
} from "../ssh/channels/channel.ts";
import { deliverToChannel } from "../ssh/channels/deliver_to_channel.ts";
import { GlobalRequests } from "../ssh/channels/global_requests.ts";
import { ReceiveWindows } from "../ssh/channels/receive_windows.ts";

import type { MessageTransport } from "../ssh/message_transport.ts";
import {
  type ChannelOpen,
  type ChannelRequest,
  readChannelOpen,
  readGlobalRequest,
  writeChannelConfirmation,
  writeChannelOpenFailure,
  writeGlobalRequest,
  writeRequestFailure,
} from "../ssh/messages/connection_messages.ts";
import { MessageNumber } from "../ssh/messages/message_number.ts";
import {
  exitStatus,
  keepaliveRequest,
  readSubsystem,
} from "../ssh/messages/request_payloads.ts";
import {
  type ByteSink,
  type ByteSource,
  takeSink,
  takeSource,
} from "../streams/direct.ts";
import { SftpSession } from "./sftp_session.ts";
import type { SharedFolders } from "./files/shared_folders.ts";

/** Sessions that may be open on one connection; OpenSSH's limit. */
const MAX_SESSIONS = 10;
/** How long the client may take to answer a ping before it is not pinged again. */
const PING_TIMEOUT_MS = 30_000;

/**
 * The connection layer (RFC 4254) of a client that is logged in: it may open
 * sessions and start the subsystem `sftp` in them, nothing else.
 */
export class SftpConnection implements ChannelCarrier {
  readonly #channels = new Map<number, SftpChannel>();
  readonly #sessions = new Set<Promise<void>>();
  readonly #requests: GlobalRequests;
  readonly #windows: ReceiveWindows;
  #nextId = 0;

  constructor(
    readonly transport: MessageTransport,
    private readonly folders: SharedFolders,
    private readonly logger: Logger,
  ) {
    const ping = writeGlobalRequest({ ...keepaliveRequest, wantReply: true });
    this.#requests = new GlobalRequests(
      PING_TIMEOUT_MS,
      () => transport.destroy(),
      () => transport.send(ping),
    );
    this.#windows = new ReceiveWindows(this.#requests);
  }

  /** The transport has ended: ends all sessions, and waits until their files are closed. */
  async end(): Promise<void> {
    const ended = new RForwardError(
      "connection-closed",
      "the SFTP client's connection ended",
    );
    this.#requests.onConnectionEnd(ended);
    for (const channel of this.#channels.values()) {
      channel.onConnectionEnd({ reason: "closed" }, ended);
    }
    await Promise.all(this.#sessions);
  }

  release(channel: Channel): void {
    this.#channels.delete(channel.localId);
  }

  /**
   * Takes a message of the client's.
   *
   * @returns false if it is of an unknown kind.
   * @throws {ProtocolError} if it is cut short.
   */
  receive(message: Uint8Array): boolean {
    if (deliverToChannel(message, this.#channels)) return true;
    switch (message[0]) {
      case MessageNumber.CHANNEL_OPEN:
        this.#onOpen(readChannelOpen(message));
        return true;
      case MessageNumber.GLOBAL_REQUEST:
        if (readGlobalRequest(message).wantReply) {
          this.transport.send(writeRequestFailure());
        }
        return true;
      case MessageNumber.REQUEST_SUCCESS:
      case MessageNumber.REQUEST_FAILURE:
        this.#requests.onReply(
          message[0] === MessageNumber.REQUEST_SUCCESS,
          message.slice(1),
        );
        return true;
      case MessageNumber.DEBUG:
      case MessageNumber.EXT_INFO:
        return true;
      default:
        return false;
    }
  }

  #onOpen({ type, sender, window, maxPacket }: ChannelOpen): void {
    const refuse = (reason: RefusalReason, text: string) =>
      this.transport.send(writeChannelOpenFailure(sender, reason, text));
    if (type !== "session") {
      return refuse("administratively-prohibited", "only sftp is served here");
    }
    if (this.#channels.size >= MAX_SESSIONS) {
      return refuse("resource-shortage", `${MAX_SESSIONS} sessions are open`);
    }
    const local = this.#nextId++;
    const receiveWindow = this.#windows.open();
    const ids = {
      ...{ local, remote: sender, window, packetSize: maxPacket },
      receiveWindow,
    };
    const channel = new SftpChannel(this, ids, () => this.#start(channel));
    this.#channels.set(local, channel);
    this.transport.send(
      writeChannelConfirmation({
        ...{ recipient: sender, sender: local },
        ...{ window: receiveWindow.size, maxPacket: PACKET },
      }),
    );
  }

  #start(channel: SftpChannel): void {
    const session = this.#serve(channel)
      .finally(() => this.#sessions.delete(session));
    this.#sessions.add(session);
  }

  async #serve(channel: SftpChannel): Promise<void> {
    const { source, sink } = channel.takeEnds();
    try {
      await new SftpSession(this.folders, this.logger).run(source, sink);
      channel.exit();
      sink.end();
    } catch (error) {
      const { code, message } = error as RForwardError;
      if (code === "protocol-error") this.logger.warn(message, error);
      else this.logger.debug(`an SFTP session ended: ${message}`, error);
    } finally {
      source.cancel(undefined); // and closes the channel
    }
  }
}

/** A session channel (RFC 4254 section 6) as its server sees it. */
class SftpChannel extends Channel {
  #start: (() => void) | undefined;

  /** @param start Called once, when the client starts SFTP. */
  constructor(connection: SftpConnection, ids: ChannelIds, start: () => void) {
    super(connection, ids);
    this.#start = start;
  }

  override onRequest(request: ChannelRequest): void {
    const start = this.#start;
    const isSftp = request.type === "subsystem" &&
      readSubsystem(request.data) === "sftp";
    if (!start || !isSftp) return super.onRequest(request);
    this.#start = undefined;
    if (request.wantReply) this.reply(true);
    start();
  }

  /** The connection closes it, right after the session. */
  protected override get closesAfterEof(): boolean {
    return false;
  }

  /** Both directions, without streams; once. */
  takeEnds(): { source: ByteSource; sink: ByteSink } {
    return { source: this[takeSource]()!, sink: this[takeSink]()! };
  }

  /** Reports that the session ended well, unless the client has closed the channel. */
  exit(): void {
    if (this.failure) return;
    const { name: type, data } = exitStatus(0);
    this.sendRequest({ type, wantReply: false, data });
  }
}
