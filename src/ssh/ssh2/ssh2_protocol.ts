/**
 * What of npm:ssh2 carries messages: its `Protocol` class, without client,
 * socket or event. It is not documented; the version is pinned, and
 * {@linkcode createProtocol} says plainly if it is another one.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import { restoreCrypto } from "./cipher_release.ts"; // has to come first
import crypto from "ssh2/lib/protocol/crypto.js";
import Protocol from "ssh2/lib/protocol/Protocol.js";

restoreCrypto();

/** What was agreed on, in ssh2's words. */
export interface Ssh2Negotiated {
  readonly kex: string;
  readonly serverHostKey: string;
  readonly cs: Ssh2Direction;
  readonly sc: Ssh2Direction;
}

interface Ssh2Direction {
  readonly cipher: string;
  readonly mac: string;
  readonly compress: string;
}

/** How a client's protocol is made. */
export interface Ssh2ProtocolConfig {
  readonly ident: string;
  readonly offer: object;
  readonly onWrite: (bytes: Uint8Array) => void;
  readonly onError: (error: Error) => void;
  readonly onHeader: (header: { identRaw: string }) => void;
  readonly onHandshakeComplete: (negotiated: Ssh2Negotiated) => void;
  readonly hostVerifier: (
    key: Uint8Array,
    answer: (good: boolean) => void,
  ) => void;
  readonly messageHandlers: {
    DISCONNECT(p: unknown, reason: number, text: string): void;
  };
}

/** ssh2's transport layer, as far as it is used. */
export interface Ssh2Protocol {
  /** Receives the payload of a packet from a decipher. What it returns ends the call of `decrypt`. */
  _onPayload: (payload: Buffer) => number | false | void;
  readonly _packetRW: { readonly read: { read(payload: Buffer): Buffer } };
  readonly _kex: {
    readonly sessionID: Buffer;
    /** The host key's signature, while the host key is verified. */
    readonly _sig: Uint8Array;
  };
  readonly _strictMode: boolean;
  readonly _decipher?: {
    readonly inSeqno: number;
    readonly _decipherInstance?: { final(): unknown };
  };
  readonly _cipher: {
    readonly _cipherInstance?: { final(): unknown };
    /** A packet with its length and padding; the payload begins at offset 5. */
    allocPacket(payloadSize: number): Uint8Array;
    encrypt(packet: Uint8Array): void;
  };
  start(): void;
  parse(bytes: Uint8Array, start: number, end: number): void;
  rekey(): void;
  cleanup(): void;
}

/** Settles once ssh2 can encrypt. */
export const ssh2Loaded: Promise<void> = (crypto as { init: Promise<void> })
  .init;

/** Encrypts a message, and has it written. */
export function sendMessage(
  { _cipher: cipher }: Ssh2Protocol,
  head: Uint8Array,
  body: Uint8Array = new Uint8Array(),
): void {
  const packet = cipher.allocPacket(head.length + body.length);
  packet.set(head, 5);
  packet.set(body, 5 + head.length);
  cipher.encrypt(packet);
}

/**
 * Makes ssh2 release everything it holds. Deno holds a cipher until its
 * `final()`, which ssh2 does not call.
 */
export function releaseProtocol(protocol: Ssh2Protocol): void {
  const { _cipher: cipher, _decipher: decipher } = protocol;
  protocol.cleanup();
  for (const it of [cipher._cipherInstance, decipher?._decipherInstance]) {
    try {
      it?.final();
    } catch {
      // It was in the midst of a block.
    }
  }
}

/** @throws {TypeError} if this is not the version of ssh2 that this is made for. */
export function createProtocol(config: Ssh2ProtocolConfig): Ssh2Protocol {
  const protocol: Ssh2Protocol = new (Protocol as {
    new (config: Ssh2ProtocolConfig): Ssh2Protocol;
  })(config);
  if (
    typeof protocol._onPayload === "function" &&
    typeof protocol._packetRW?.read?.read === "function" &&
    typeof protocol._cipher?.allocPacket === "function"
  ) return protocol;
  throw new TypeError(
    "this npm:ssh2 is not the one that rforward is made for: use version 1.17.0",
  );
}
