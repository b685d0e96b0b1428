import {
  LENGTH_SIZE,
  lengthOf,
  type OpeningKey,
  type SealingKey,
} from "./packet_cipher.ts";

/** Packets as they go both ways before there are keys (RFC 4253 section 6). */
const shape = { blockSize: 8, padsLength: true, tagSize: 0 } as const;

/** Leaves packets as they are. */
export const plainSealing: SealingKey = {
  ...shape,
  seal(_sequence, packet, out) {
    const isInPlace = packet.buffer === out.buffer &&
      packet.byteOffset === out.byteOffset;
    if (!isInPlace) out.set(packet);
  },
  wipe() {},
};

/** Takes packets as they are. */
export const plainOpening: OpeningKey = {
  ...shape,
  headSize: LENGTH_SIZE,
  openLength: (_sequence, head) => lengthOf(head),
  open: (_sequence, packet) => packet.subarray(LENGTH_SIZE),
  wipe() {},
};
