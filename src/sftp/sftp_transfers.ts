import { FieldReader, MAX_DATA, Packet } from "./protocol/sftp_protocol.ts";

/** The most requests that are merged: their replies have to fit one buffer. */
const MAX_PARTS = 64;
const NO_DATA = new Uint8Array();

/**
 * READ or WRITE requests that lie one behind the other in one file. sshfs cuts
 * all it does into 32 KiB; one operation for what is there of it costs less
 * than half of an operation for each.
 */
export interface Transfer {
  type: typeof Packet.read | typeof Packet.write;
  handle: number;
  /** Where it begins, in bytes. */
  offset: number;
  /** How long it is, in bytes. */
  length: number;
  parts: TransferPart[];
}

/** One of the requests. */
export interface TransferPart {
  id: number;
  length: number;
  /** What is written. */
  data: Uint8Array;
}

/** Merges neighbouring requests; anything but a well-formed READ or WRITE is passed on unchanged. */
export function* transfers(
  packets: Iterable<Uint8Array>,
): Generator<Transfer | Uint8Array, void, void> {
  let last: Transfer | undefined;
  for (const packet of packets) {
    const next = readTransfer(packet);
    if (last && next && append(last, next)) continue;
    if (last) yield last;
    last = next;
    if (!next) yield packet;
  }
  if (last) yield last;
}

function append(to: Transfer, next: Transfer): boolean {
  if (
    to.type !== next.type || to.handle !== next.handle ||
    to.offset + to.length !== next.offset ||
    to.length + next.length > MAX_DATA || to.parts.length === MAX_PARTS
  ) return false;
  to.length += next.length;
  to.parts.push(...next.parts);
  return true;
}

function readTransfer(packet: Uint8Array): Transfer | undefined {
  const request = new FieldReader(packet);
  try {
    const type = request.uint8();
    if (type !== Packet.read && type !== Packet.write) return undefined;
    const id = request.uint32();
    const handle = request.handle();
    const offset = request.uint64();
    const data = type === Packet.write ? request.bytes() : NO_DATA;
    const length = type === Packet.write
      ? data.length
      : Math.min(request.uint32(), MAX_DATA);
    return { type, handle, offset, length, parts: [{ id, length, data }] };
  } catch (error) {
    if (error instanceof Deno.errors.InvalidData) return undefined;
    throw error;
  }
}
