/**
 * The messages of the connection layer (RFC 4254), written and read.
 *
 * A reader takes the whole message, and throws a {@linkcode ProtocolError} if
 * it is cut short. What it returns are views of the message.
 *
 * @module
 */

import type { RefusalReason } from "../../errors.ts";
import { refusalCode, refusalReason } from "./refusal_reasons.ts";
import { WireReader, WireWriter } from "../wire.ts";
import { MessageNumber } from "./message_number.ts";

/**
 * Memory for the messages of which there are most, valid until the next one is
 * written. A new array takes 0.25 µs in Deno, whose V8 keeps the bytes of even
 * the smallest outside of its heap: ten times as long as a view of an old one.
 */
const numbers = new Uint8Array(1 + 4 * 4);
const upToOne = numbers.subarray(0, 1 + 4);
const upToTwo = numbers.subarray(0, 1 + 2 * 4);

function setNumber(at: number, value: number): void {
  numbers[at] = value >>> 24;
  numbers[at + 1] = value >>> 16;
  numbers[at + 2] = value >>> 8;
  numbers[at + 3] = value;
}

/** SSH_MSG_GLOBAL_REQUEST. */
export interface GlobalRequest {
  readonly name: string;
  readonly wantReply: boolean;
  /** What follows, as the request's name has it. */
  readonly data: Uint8Array;
}

/** SSH_MSG_GLOBAL_REQUEST (RFC 4254 section 4). */
export function writeGlobalRequest(
  { name, wantReply, data }: GlobalRequest,
): Uint8Array {
  return new WireWriter().byte(MessageNumber.GLOBAL_REQUEST)
    .string(name).boolean(wantReply).raw(data).bytes();
}

/** SSH_MSG_GLOBAL_REQUEST. */
export function readGlobalRequest(message: Uint8Array): GlobalRequest {
  const reader = new WireReader(message, 1);
  return {
    name: reader.text(),
    wantReply: reader.boolean(),
    data: reader.rest(),
  };
}

/** SSH_MSG_REQUEST_FAILURE (RFC 4254 section 4). */
export function writeRequestFailure(): Uint8Array {
  return Uint8Array.of(MessageNumber.REQUEST_FAILURE);
}

/** SSH_MSG_CHANNEL_OPEN. */
export interface ChannelOpen {
  /** The kind of channel. */
  readonly type: string;
  /** The sender's number of the channel. */
  readonly sender: number;
  /** Bytes that the sender takes at first. */
  readonly window: number;
  /** Bytes of data that the sender takes in one message. */
  readonly maxPacket: number;
  /** What follows, as the channel's type has it. */
  readonly data: Uint8Array;
}

/** SSH_MSG_CHANNEL_OPEN (RFC 4254 section 5.1). */
export function writeChannelOpen(open: ChannelOpen): Uint8Array {
  return new WireWriter().byte(MessageNumber.CHANNEL_OPEN)
    .string(open.type).uint32(open.sender).uint32(open.window)
    .uint32(open.maxPacket).raw(open.data).bytes();
}

/** SSH_MSG_CHANNEL_OPEN. */
export function readChannelOpen(message: Uint8Array): ChannelOpen {
  const reader = new WireReader(message, 1);
  return {
    type: reader.text(),
    sender: reader.uint32(),
    window: reader.uint32(),
    maxPacket: reader.uint32(),
    data: reader.rest(),
  };
}

/** SSH_MSG_CHANNEL_OPEN_CONFIRMATION. */
export interface ChannelConfirmation {
  /** The recipient's number of the channel. */
  readonly recipient: number;
  /** The sender's number of the channel. */
  readonly sender: number;
  /** Bytes that the sender takes at first. */
  readonly window: number;
  /** Bytes of data that the sender takes in one message. */
  readonly maxPacket: number;
}

/** SSH_MSG_CHANNEL_OPEN_CONFIRMATION (RFC 4254 section 5.1); shared memory, see {@linkcode numbers}. */
export function writeChannelConfirmation(
  { recipient, sender, window, maxPacket }: ChannelConfirmation,
): Uint8Array {
  numbers[0] = MessageNumber.CHANNEL_OPEN_CONFIRMATION;
  setNumber(1, recipient);
  setNumber(5, sender);
  setNumber(9, window);
  setNumber(13, maxPacket);
  return numbers;
}

/** SSH_MSG_CHANNEL_OPEN_CONFIRMATION. */
export function readChannelConfirmation(
  message: Uint8Array,
): ChannelConfirmation {
  const reader = new WireReader(message, 1);
  return {
    recipient: reader.uint32(),
    sender: reader.uint32(),
    window: reader.uint32(),
    maxPacket: reader.uint32(),
  };
}

/** SSH_MSG_CHANNEL_OPEN_FAILURE. */
export interface ChannelFailure {
  readonly recipient: number;
  /** Undefined for a code that the RFC does not name. */
  readonly reason: RefusalReason | undefined;
  /** Untrusted. */
  readonly text: string;
}

/** SSH_MSG_CHANNEL_OPEN_FAILURE (RFC 4254 section 5.1). */
export function writeChannelOpenFailure(
  recipient: number,
  reason: RefusalReason,
  text: string,
): Uint8Array {
  return new WireWriter().byte(MessageNumber.CHANNEL_OPEN_FAILURE)
    .uint32(recipient).uint32(refusalCode(reason))
    .string(text).string("").bytes();
}

/** SSH_MSG_CHANNEL_OPEN_FAILURE. */
export function readChannelOpenFailure(message: Uint8Array): ChannelFailure {
  const reader = new WireReader(message, 1);
  return {
    recipient: reader.uint32(),
    reason: refusalReason(reader.uint32()),
    text: reader.text(),
  };
}

/** SSH_MSG_CHANNEL_WINDOW_ADJUST (RFC 4254 section 5.2); shared memory, see {@linkcode numbers}. */
export function writeWindowAdjust(
  recipient: number,
  bytes: number,
): Uint8Array {
  return twoNumbers(MessageNumber.CHANNEL_WINDOW_ADJUST, recipient, bytes);
}

/** The number of the channel that a message is for: any from CHANNEL_WINDOW_ADJUST to CHANNEL_FAILURE. */
export function readRecipient(message: Uint8Array): number {
  return new WireReader(message, 1).uint32();
}

/** SSH_MSG_CHANNEL_WINDOW_ADJUST: by how many bytes the window grows. */
export function readWindowAdjust(message: Uint8Array): number {
  return new WireReader(message, 5).uint32();
}

/** What comes before the data in SSH_MSG_CHANNEL_DATA (RFC 4254 section 5.2); shared memory, see {@linkcode numbers}. */
export function writeChannelDataHead(
  recipient: number,
  size: number,
): Uint8Array {
  return twoNumbers(MessageNumber.CHANNEL_DATA, recipient, size);
}

function twoNumbers(number: number, a: number, b: number): Uint8Array {
  numbers[0] = number;
  setNumber(1, a);
  setNumber(5, b);
  return upToTwo;
}

/** SSH_MSG_CHANNEL_DATA: the data. */
export function readChannelData(message: Uint8Array): Uint8Array {
  return new WireReader(message, 5).string();
}

/** SSH_MSG_CHANNEL_EXTENDED_DATA (RFC 4254 section 5.2): the data; whatever its type, it is treated as standard error. */
export function readExtendedData(message: Uint8Array): Uint8Array {
  return new WireReader(message, 9).string();
}

/** A message that consists of its number and the channel's only: CHANNEL_EOF, CHANNEL_CLOSE, CHANNEL_SUCCESS or CHANNEL_FAILURE; shared memory, see {@linkcode numbers}. */
export function writeChannelMessage(
  number: 96 | 97 | 99 | 100,
  recipient: number,
): Uint8Array {
  numbers[0] = number;
  setNumber(1, recipient);
  return upToOne;
}

/** SSH_MSG_CHANNEL_REQUEST. */
export interface ChannelRequest {
  readonly type: string;
  readonly wantReply: boolean;
  /** What follows, as the request's type has it. */
  readonly data: Uint8Array;
}

/** SSH_MSG_CHANNEL_REQUEST (RFC 4254 section 5.4). */
export function writeChannelRequest(
  recipient: number,
  { type, wantReply, data }: ChannelRequest,
): Uint8Array {
  return new WireWriter().byte(MessageNumber.CHANNEL_REQUEST)
    .uint32(recipient).string(type).boolean(wantReply).raw(data).bytes();
}

/** SSH_MSG_CHANNEL_REQUEST. */
export function readChannelRequest(message: Uint8Array): ChannelRequest {
  const reader = new WireReader(message, 5);
  return {
    type: reader.text(),
    wantReply: reader.boolean(),
    data: reader.rest(),
  };
}
