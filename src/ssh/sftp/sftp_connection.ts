import { RForwardError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import {
  Channel,
  type ChannelCarrier,
  type ChannelIds,
  PACKET,
  WINDOW,
} from "../channels/channel.ts";
import { channelHandlers } from "../channels/channel_handlers.ts";
import type { RefusalReason } from "../connection.ts";
import { refusalCode } from "../channels/forwarded_open.ts";
import { SftpSession } from "./sftp_session.ts";
import type { SharedFolders } from "./shared_folders.ts";
import type {
  ChannelOpenInfo,
  ConnectionHandlers,
  Ssh2Protocol,
} from "../ssh2.ts";
import type { Ssh2Socket } from "../ssh2_socket.ts";

/** Sessions that may be open on one connection; OpenSSH's limit. */
const MAX_SESSIONS = 10;

/** What of ssh2's writer of messages only servers use. */
export interface ServerProtocol extends Ssh2Protocol {
  channelSuccess(channel: number): void;
  exitStatus(channel: number, status: number): void;
}

/**
 * The connection layer (RFC 4254) of a client that is logged in: it may open
 * sessions and start the subsystem `sftp` in them, nothing else.
 */
export class SftpConnection implements ChannelCarrier {
  readonly #channels = new Map<number, SftpChannel>();
  readonly #sessions = new Set<Promise<void>>();
  #nextId = 0;

  constructor(
    readonly protocol: ServerProtocol,
    readonly socket: Ssh2Socket,
    private readonly folders: SharedFolders,
    private readonly logger: Logger,
  ) {
    Object.assign(protocol._handlers, this.#handlers());
  }

  /** The socket is closed: ends all sessions, and waits until their files are closed. */
  async end(): Promise<void> {
    const ended = new RForwardError(
      "connection-closed",
      "the SFTP client's connection ended",
    );
    for (const channel of this.#channels.values()) {
      channel.onConnectionEnd({ reason: "closed" }, ended);
    }
    await Promise.all(this.#sessions);
  }

  release(channel: Channel): void {
    this.#channels.delete(channel.localId);
  }

  #handlers(): ConnectionHandlers {
    const ignore = () => {};
    return {
      GLOBAL_REQUEST: (_p, _name, wantReply) => {
        if (wantReply) this.protocol.requestFailure();
      },
      REQUEST_SUCCESS: ignore,
      REQUEST_FAILURE: ignore,
      CHANNEL_OPEN: (_p, info) => this.#onOpen(info),
      CHANNEL_OPEN_CONFIRMATION: ignore,
      CHANNEL_OPEN_FAILURE: ignore,
      ...channelHandlers(this.#channels),
    };
  }

  #onOpen({ type, sender, window, packetSize }: ChannelOpenInfo): void {
    const refuse = (reason: RefusalReason, text: string) =>
      this.protocol.channelOpenFail(sender, refusalCode(reason), text);
    if (type !== "session") {
      return refuse("administratively-prohibited", "only sftp is served here");
    }
    if (this.#channels.size >= MAX_SESSIONS) {
      return refuse("resource-shortage", `${MAX_SESSIONS} sessions are open`);
    }
    const local = this.#nextId++;
    const ids = { local, remote: sender, window, packetSize };
    const channel = new SftpChannel(this, ids, () => this.#start(channel));
    this.#channels.set(local, channel);
    this.protocol.channelOpenConfirm(sender, local, WINDOW, PACKET);
  }

  #start(channel: SftpChannel): void {
    const session = this.#serve(channel)
      .finally(() => this.#sessions.delete(session));
    this.#sessions.add(session);
  }

  async #serve(channel: SftpChannel): Promise<void> {
    const writer = channel.writable.getWriter();
    // The session learns of it by its next write.
    writer.closed.catch(() => {});
    try {
      await new SftpSession(this.folders, this.logger)
        .run(channel.readable, writer);
      if (writer.desiredSize !== null) channel.exit(); // else the client closed it
      await writer.close();
    } catch (error) {
      const { code, message } = error as RForwardError;
      if (code === "protocol-error") this.logger.warn(message, error);
      else this.logger.debug(`an SFTP session ended: ${message}`, error);
    } finally {
      channel.close();
    }
  }
}

/** A session channel (RFC 4254 section 6) as its server sees it. */
class SftpChannel extends Channel {
  readonly #protocol: ServerProtocol;
  #start: (() => void) | undefined;

  /** @param start Called once, when the client starts SFTP. */
  constructor(connection: SftpConnection, ids: ChannelIds, start: () => void) {
    super(connection, ids);
    this.#protocol = connection.protocol;
    this.#start = start;
  }

  override onRequest(type: string, wantReply: boolean, data: unknown): void {
    const start = this.#start;
    if (!start || type !== "subsystem" || data !== "sftp") {
      return super.onRequest(type, wantReply, data);
    }
    this.#start = undefined;
    if (wantReply) this.#protocol.channelSuccess(this.remoteId);
    start();
  }

  /** The connection closes it, right after the session. */
  protected override get closesAfterEof(): boolean {
    return false;
  }

  /** Tells that the session ended well. */
  exit(): void {
    this.#protocol.exitStatus(this.remoteId, 0);
  }
}
