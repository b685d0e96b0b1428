/**
 * The messages of the transport layer that are the same in every key exchange
 * (RFC 4253 sections 10 and 11, RFC 8308), written and read.
 *
 * A reader takes the whole message, and throws a {@linkcode ProtocolError} if
 * it is cut short. What it returns are views of the message.
 *
 * @module
 */

import { ProtocolError } from "../../errors.ts";
import { WireReader, WireWriter } from "../wire.ts";
import { MessageNumber } from "./message_number.ts";

/** Most extensions in one EXT_INFO; OpenSSH's limit. */
const MAX_EXTENSIONS = 1024;

/** The reasons of RFC 4253 section 11.1 that are sent or handled here. */
export const DisconnectReason = {
  PROTOCOL_ERROR: 2,
  KEY_EXCHANGE_FAILED: 3,
  MAC_ERROR: 5,
  HOST_KEY_NOT_VERIFIABLE: 9,
  CONNECTION_LOST: 10,
  BY_APPLICATION: 11,
} as const;

/** SSH_MSG_DISCONNECT: the last message. */
export interface Disconnect {
  /** The reason code. */
  readonly reason: number;
  /** What the other side says about it: untrusted. */
  readonly text: string;
}

/** SSH_MSG_DISCONNECT (RFC 4253 section 11.1). */
export function writeDisconnect({ reason, text }: Disconnect): Uint8Array {
  return new WireWriter().byte(MessageNumber.DISCONNECT)
    .uint32(reason).string(text).string("").bytes();
}

/** SSH_MSG_DISCONNECT. The language tag may be missing, as some implementations leave it out. */
export function readDisconnect(message: Uint8Array): Disconnect {
  const reader = new WireReader(message, 1);
  return { reason: reader.uint32(), text: reader.text() };
}

/** SSH_MSG_IGNORE (RFC 4253 section 11.2). */
export function writeIgnore(data: Uint8Array): Uint8Array {
  return new WireWriter().byte(MessageNumber.IGNORE).string(data).bytes();
}

/**
 * SSH_MSG_UNIMPLEMENTED (RFC 4253 section 11.4).
 *
 * @param sequence The sequence number of the packet that was not understood.
 */
export function writeUnimplemented(sequence: number): Uint8Array {
  return new WireWriter().byte(MessageNumber.UNIMPLEMENTED)
    .uint32(sequence).bytes();
}

/** SSH_MSG_DEBUG (RFC 4253 section 11.3): the text, which is untrusted. */
export function readDebug(message: Uint8Array): string {
  const reader = new WireReader(message, 1);
  reader.boolean(); // whether to display it always
  return reader.text();
}

/** SSH_MSG_SERVICE_REQUEST (RFC 4253 section 10). */
export function writeServiceRequest(name: string): Uint8Array {
  return new WireWriter().byte(MessageNumber.SERVICE_REQUEST)
    .string(name).bytes();
}

/** SSH_MSG_SERVICE_REQUEST: the service's name. */
export function readServiceRequest(message: Uint8Array): string {
  return new WireReader(message, 1).text();
}

/** SSH_MSG_SERVICE_ACCEPT (RFC 4253 section 10). */
export function writeServiceAccept(name: string): Uint8Array {
  return new WireWriter().byte(MessageNumber.SERVICE_ACCEPT)
    .string(name).bytes();
}

/** SSH_MSG_EXT_INFO (RFC 8308 section 2.3). */
export function writeExtInfo(
  extensions: ReadonlyMap<string, string>,
): Uint8Array {
  const writer = new WireWriter().byte(MessageNumber.EXT_INFO)
    .uint32(extensions.size);
  for (const [name, value] of extensions) writer.string(name).string(value);
  return writer.bytes();
}

/** SSH_MSG_EXT_INFO: the values by their extensions' names. Values that are not text come out garbled. */
export function readExtInfo(message: Uint8Array): Map<string, string> {
  const reader = new WireReader(message, 1);
  const count = reader.uint32();
  if (count > MAX_EXTENSIONS) {
    throw new ProtocolError(`EXT_INFO announces ${count} extensions`);
  }
  const extensions = new Map<string, string>();
  for (let i = 0; i < count; i++) extensions.set(reader.text(), reader.text());
  return extensions;
}
