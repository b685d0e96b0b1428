import type { PacketCipher } from "../cipher/packet_cipher.ts";
import type { RekeyLimit } from "../message_transport.ts";
import type { KeyUse } from "./key_use.ts";

/** Packets that may go one way with the same keys: half of what would repeat a sequence number. */
const MAX_PACKETS = 2 ** 31;
const GIB = 2 ** 30;

/** When one direction's keys have used up what RFC 4344 section 3.2 and the options grant them. */
export class RekeyRule {
  readonly #maxBytes: number;

  /** @param limit What the user wants, if it is less. */
  constructor(cipher: PacketCipher, { bytes = Infinity }: RekeyLimit) {
    const { blockSize } = cipher;
    // As OpenSSH has it: 2^(L/4) blocks of L bits, but 1 GiB for small blocks.
    const byBlocks = blockSize >= 16 ? 2 ** (blockSize * 2) * blockSize : GIB;
    this.#maxBytes = Math.min(byBlocks, bytes);
  }

  /** Whether keys that were used so much have to be replaced. */
  isUsedUp({ packets, bytes }: KeyUse): boolean {
    return bytes >= this.#maxBytes || packets >= MAX_PACKETS;
  }
}
