/**
 * The lower seam: raw SSH messages, with RFC 4253 below and RFC 4252 and 4254
 * above. An engine implements it; nothing above knows which one runs.
 *
 * @module
 */

import { ProtocolError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { ByteStream } from "../streams/byte_stream.ts";
import type { SigningKey } from "./keys/private/signing_key.ts";
import type { TransportEnd } from "./transport_end.ts";

/** What one direction of a connection is protected by. */
export interface NegotiatedDirection {
  /** The cipher. */
  readonly cipher: string;
  /** The MAC; empty where the cipher authenticates by itself. */
  readonly mac: string;
  /** The compression; `none` as a rule. */
  readonly compression: string;
}

/** The algorithms that client and server agreed on (RFC 4253 section 7.1), by their SSH names. */
export interface Negotiated {
  /** The key exchange. */
  readonly kex: string;
  /** The algorithm of the host key's signature. */
  readonly hostKey: string;
  /** From the client to the server. */
  readonly toServer: NegotiatedDirection;
  /** From the server to the client. */
  readonly toClient: NegotiatedDirection;
  /** Whether both sides keep to strict key exchange (OpenSSH PROTOCOL section 1.10), which stops Terrapin. */
  readonly strictKex: boolean;
}

/**
 * Raw messages, each from its number to its last byte, without padding.
 *
 * The transport keeps for itself what RFC 4253 needs (numbers 1 to 3 and 20 to
 * 49). Everything else is the receiver's.
 */
export interface MessageTransport {
  /**
   * Settles once the first keys are in use and the host key is verified; until
   * then nothing may be sent, and what follows it here is not valid.
   *
   * Rejects with an {@linkcode IdentificationError} if the other side does not
   * speak SSH, with what {@linkcode TransportOptions.verifyHostKey} threw, or
   * with what went wrong in the key exchange. The transport has ended then.
   */
  readonly ready: Promise<void>;
  /** The first exchange hash (RFC 4253 section 7.2): logins sign it, agents are bound to it. */
  readonly sessionId: Uint8Array;
  /** The other side's identification without its line end, `SSH-2.0-…`. Untrusted; empty until it came. */
  readonly peerVersion: string;
  /** What was agreed on, last if keys were exchanged again. */
  readonly negotiated: Negotiated;

  /**
   * Sets the receiver of all messages from the next one on.
   * EXT_INFO (RFC 8308) that comes before there is a receiver is kept for it.
   */
  receive(receiver: MessageReceiver): void;
  /**
   * Sends a message. Both parts are copied before it returns.
   *
   * During a key exchange it waits in the transport until the new keys are in
   * use: see {@linkcode congested}. Once the transport has ended this does nothing.
   *
   * @param head The message, or its beginning.
   * @param body What follows, e.g. channel data: saves joining the two.
   */
  send(head: Uint8Array, body?: Uint8Array): void;
  /** Whether writers of data should wait: much is waiting to go out, or keys are being exchanged. */
  readonly congested: boolean;
  /** Settles when there is room again, or the transport has ended. */
  drained(): Promise<void>;
  /** Starts a key exchange, if none is under way. */
  rekey(): void;

  /** Bytes that came in so far: any of them is a sign of life. */
  readonly bytesReceived: number;
  /** Bytes that were queued to go out so far. */
  readonly bytesSent: number;

  /**
   * Sends DISCONNECT, writes what is queued and closes. Idempotent.
   *
   * @returns {@linkcode closed}; a silent peer delays it only for a short time.
   */
  close(): Promise<void>;
  /** Closes at once; what is queued is dropped. Idempotent. */
  destroy(): void;
  /** Settles as soon as no more messages are sent or received. Never rejects. */
  readonly ended: Promise<TransportEnd>;
  /** Settles once the stream is closed and all work has stopped. Never rejects. */
  readonly closed: Promise<void>;
}

/**
 * Takes a message. Its bytes are valid during the call only: a receiver that
 * keeps some copies them, whatever the message's number. An error that is thrown, e.g. a
 * {@linkcode ProtocolError} of a message that is cut short, ends the transport.
 *
 * @returns false if the number is unknown: the other side gets UNIMPLEMENTED.
 */
export type MessageReceiver = (message: Uint8Array) => boolean | void;

/** The algorithms to offer, most wanted first, by their SSH names. */
export interface AlgorithmLists {
  /** Key exchanges. */
  readonly kex: readonly string[];
  /** Host key algorithms. */
  readonly hostKey: readonly string[];
  /** Ciphers, for both directions. */
  readonly cipher: readonly string[];
  /** MACs, for both directions. */
  readonly mac: readonly string[];
  /** Compression, for both directions. */
  readonly compression: readonly string[];
}

/** When keys are exchanged again, if not by the engine's own rules (ssh_config(5), `RekeyLimit`). */
export interface RekeyLimit {
  /** Bytes that may go one way with the same keys. */
  readonly bytes?: number;
  /** How long keys may be used, in milliseconds. */
  readonly ms?: number;
}

/** What a transport needs in either role. */
interface CommonOptions {
  /** What carries the connection; the transport owns and closes it. */
  readonly stream: ByteStream;
  /** What to offer. A name that the engine does not have throws an {@linkcode UnknownAlgorithmError}. */
  readonly algorithms: AlgorithmLists;
  /** When to exchange keys again. */
  readonly rekey?: RekeyLimit;
  /**
   * How long the other side may take for its part in a key exchange, in
   * milliseconds; the time that `verifyHostKey` takes does not count.
   *
   * @default {120_000}
   */
  readonly exchangeTimeoutMs?: number;
  /** Logger; messages of level debug only. */
  readonly logger: Logger;
}

/** What the client's side of a transport needs. */
export interface ClientTransportOptions extends CommonOptions {
  readonly role: "client";
  /**
   * Accepts the server's host key, whose signature was verified, or throws to
   * refuse it. Asked once: later exchanges have to show the same key.
   *
   * @param hostKey The key as it came over the wire (RFC 4253 section 6.6).
   * @param signature Its signature of the session identifier, with the algorithm in front.
   */
  readonly verifyHostKey: (
    hostKey: Uint8Array,
    signature: Uint8Array,
  ) => Promise<void>;
}

/** What the server's side of a transport needs. */
export interface ServerTransportOptions extends CommonOptions {
  readonly role: "server";
  /** The host keys. */
  readonly hostKeys: readonly SigningKey[];
  /** The signature algorithms that a login may use: told in `server-sig-algs` (RFC 8308 section 3.1). */
  readonly serverSigAlgs?: readonly string[];
}

/** What a transport is started with. */
export type TransportOptions = ClientTransportOptions | ServerTransportOptions;

/**
 * Starts the client's side of a transport. Its identification and
 * SSH_MSG_KEXINIT are sent at once, and no secret before the host key is verified.
 *
 * @throws {UnknownAlgorithmError} if the engine does not have an algorithm.
 */
export type StartTransport = (
  options: ClientTransportOptions,
) => MessageTransport;

/** The other side does not identify itself as SSH 2.0 (RFC 4253 section 4.2). */
export class IdentificationError extends ProtocolError {
  /** The first line that it sent, at most 255 bytes of it, as it came; empty if nothing came. */
  readonly firstLine: string;

  /** @param firstLine What it sent instead. */
  constructor(firstLine: string, options?: ErrorOptions) {
    super("the other side does not speak SSH 2", options);
    this.name = "IdentificationError";
    this.firstLine = firstLine;
  }
}

/** An engine does not have an algorithm that was asked for. */
export class UnknownAlgorithmError extends Error {
  /** The list that it is in. */
  readonly list: keyof AlgorithmLists;
  /** The algorithm's SSH name. */
  readonly algorithm: string;

  /** Says which. */
  constructor(list: keyof AlgorithmLists, algorithm: string) {
    super(`${algorithm} is not supported`);
    this.name = "UnknownAlgorithmError";
    this.list = list;
    this.algorithm = algorithm;
  }
}
