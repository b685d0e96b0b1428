/**
 * What of npm:ssh2 the client uses.
 *
 * ssh2 does the transport and authentication layers (RFC 4253, RFC 4252). The
 * connection layer (RFC 4254) is ours: `mux.ts` takes over its messages once
 * the user is authenticated, because ssh2's own cannot refuse with a reason,
 * gives window back before data is read, drops channels whose echoed address
 * differs by a byte, and leaves writers hanging. For that it needs two fields
 * of ssh2's Client that are not documented; the version is pinned, and
 * {@linkcode protocolOf} says plainly if they are not there.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import type { Client } from "ssh2";
import ssh2 from "../../src/testing/npm_ssh2.ts";

export type {
  AnyAuthMethod,
  Client,
  ConnectConfig,
  NegotiatedAlgorithms,
  ParsedKey,
} from "ssh2";

/** A new client, not connected. */
export function createClient(): Client {
  return new ssh2.Client();
}

/** Parses a key: see ssh2's `utils.parseKey`. */
export const parseKey: typeof ssh2.utils.parseKey = ssh2.utils.parseKey;

/** A CHANNEL_OPEN message as ssh2 passes it on. */
export interface ChannelOpenInfo {
  type: string;
  sender: number;
  window: number;
  packetSize: number;
  data: {
    destIP?: string;
    destPort?: number;
    srcIP?: string;
    srcPort?: number;
    socketPath?: string;
  };
}

/** A CHANNEL_OPEN_CONFIRMATION message as ssh2 passes it on. */
export interface ChannelConfirmation {
  recipient: number;
  sender: number;
  window: number;
  packetSize: number;
}

/** The connection layer's messages as ssh2's parser hands them over. */
export interface ConnectionHandlers {
  /** A message of the transport layer, which ssh2 does not listen to. */
  DEBUG?(p: unknown, alwaysDisplay: boolean, text: string): void;
  GLOBAL_REQUEST(p: unknown, name: string, wantReply: boolean): void;
  REQUEST_SUCCESS(p: unknown, data: Buffer | null): void;
  REQUEST_FAILURE(p: unknown): void;
  CHANNEL_OPEN(p: unknown, info: ChannelOpenInfo): void;
  CHANNEL_OPEN_CONFIRMATION(p: unknown, info: ChannelConfirmation): void;
  CHANNEL_OPEN_FAILURE(
    p: unknown,
    recipient: number,
    reason: number,
    text: string,
  ): void;
  CHANNEL_WINDOW_ADJUST(p: unknown, recipient: number, amount: number): void;
  CHANNEL_DATA(p: unknown, recipient: number, data: Buffer<ArrayBuffer>): void;
  CHANNEL_EXTENDED_DATA(
    p: unknown,
    recipient: number,
    data: Buffer<ArrayBuffer>,
    type: number,
  ): void;
  CHANNEL_EOF(p: unknown, recipient: number): void;
  CHANNEL_CLOSE(p: unknown, recipient: number): void;
  CHANNEL_REQUEST(
    p: unknown,
    recipient: number,
    type: string,
    wantReply: boolean,
    data: unknown,
  ): void;
  CHANNEL_SUCCESS(p: unknown, recipient: number): void;
  CHANNEL_FAILURE(p: unknown, recipient: number): void;
}

/** Messages of authentication (RFC 4252) as ssh2's client takes them. */
export interface AuthenticationHandlers {
  /** Extensions (RFC 8308): only the first call counts. */
  EXT_INFO(
    p: unknown,
    extensions: readonly { name: string; algs: readonly string[] }[],
  ): void;
  /** Calls the client's handler for the next login method. */
  SERVICE_ACCEPT(p: unknown, name: string): void;
  USERAUTH_FAILURE(
    p: unknown,
    acceptable: readonly string[],
    partial: boolean,
  ): void;
}

/** ssh2's writer of messages. */
export interface Ssh2Protocol {
  readonly _handlers: ConnectionHandlers & AuthenticationHandlers;
  ping(): void;
  requestFailure(): void;
  tcpipForward(address: string, port: number, wantReply: boolean): void;
  cancelTcpipForward(address: string, port: number, wantReply: boolean): void;
  openssh_streamLocalForward(path: string, wantReply: boolean): void;
  openssh_cancelStreamLocalForward(path: string, wantReply: boolean): void;
  session(channel: number, window: number, packetSize: number): void;
  directTcpip(
    channel: number,
    window: number,
    packetSize: number,
    to: { srcIP: string; srcPort: number; dstIP: string; dstPort: number },
  ): void;
  openssh_directStreamLocal(
    channel: number,
    window: number,
    packetSize: number,
    to: { socketPath: string },
  ): void;
  channelOpenConfirm(
    remote: number,
    local: number,
    window: number,
    packetSize: number,
  ): void;
  channelOpenFail(remote: number, reason: number, text: string): void;
  channelData(channel: number, data: Buffer): void;
  channelWindowAdjust(channel: number, amount: number): void;
  channelEOF(channel: number): void;
  channelClose(channel: number): void;
  channelFailure(channel: number): void;
  exec(channel: number, command: string, wantReply: boolean): void;
  shell(channel: number, wantReply: boolean): void;
  signal(channel: number, name: string): void;
}

/** What a client that has connected knows beyond its types. */
interface ClientInternals {
  _protocol?: Ssh2Protocol;
  _remoteVer?: string;
}

/** The protocol under a client that is connected. */
export function protocolOf(client: Client): Ssh2Protocol {
  const protocol = (client as unknown as ClientInternals)._protocol;
  if (typeof protocol?._handlers?.CHANNEL_DATA !== "function") {
    throw new TypeError(
      "this npm:ssh2 is not the one that rforward is made for: use version 1.17.0",
    );
  }
  return protocol;
}

/** The software version that the server told, e.g. `OpenSSH_9.2p1`; undefined before it did. */
export function softwareOf(client: Client): string | undefined {
  return (client as unknown as ClientInternals)._remoteVer;
}
