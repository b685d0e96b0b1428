import { LENGTH_SIZE, type SealingKey } from "../../cipher/packet_cipher.ts";
import { plainSealing } from "../../cipher/plain_packets.ts";
import type { Compressor } from "./compression.ts";
import { type KeyUse, unusedKeys } from "./key_use.ts";
import type { StreamOutput } from "./stream_output.ts";

/** The minimum padding (RFC 4253 section 6). */
const MIN_PADDING = 4;
/** Random bytes for padding are drawn in portions of this size: a call for each packet costs more than the bytes. */
const RANDOM_POOL = 2048;

/** Frames, pads and seals messages (RFC 4253 section 6), into the output. */
export class PacketWriter {
  /** What the current key was used for. */
  use: KeyUse = unusedKeys();

  readonly #output: StreamOutput;
  readonly #random = new Uint8Array(RANDOM_POOL);
  #randomUsed = RANDOM_POOL;
  #key: SealingKey = plainSealing;
  #sequence = 0;
  /** Compresses messages, if compression is on. */
  compressor: Compressor | undefined;

  constructor(output: StreamOutput) {
    this.#output = output;
  }

  /**
   * Sends a message.
   *
   * @param head The message, or its beginning.
   * @param body The rest of it.
   */
  write(head: Uint8Array, body?: Uint8Array): void {
    if (this.compressor) {
      head = this.compressor.compress(head, body);
      body = undefined;
    }
    const key = this.#key;
    const payloadSize = head.length + (body?.length ?? 0);
    const padded = (key.padsLength ? LENGTH_SIZE : 0) + 1 + payloadSize;
    const padding = MIN_PADDING +
      (key.blockSize - (padded + MIN_PADDING) % key.blockSize) % key.blockSize;
    const size = LENGTH_SIZE + 1 + payloadSize + padding;
    const out = this.#output.reserve(size + key.tagSize);
    const packet = (key.room ?? out).subarray(0, size);

    const length = size - LENGTH_SIZE;
    packet[0] = length >>> 24;
    packet[1] = length >>> 16;
    packet[2] = length >>> 8;
    packet[3] = length;
    packet[4] = padding;
    packet.set(head, 5);
    if (body) packet.set(body, 5 + head.length);
    this.#fillRandomly(packet, 5 + payloadSize);

    key.seal(this.#sequence, packet, out);
    this.#sequence = (this.#sequence + 1) >>> 0;
    this.use.packets++;
    this.use.bytes += out.length;
  }

  /** Switches to another key from the next packet on, and wipes the previous one. */
  setKey(key: SealingKey, { resetSequence }: { resetSequence: boolean }): void {
    this.#key.wipe();
    this.#key = key;
    this.use = unusedKeys();
    if (resetSequence) this.#sequence = 0;
  }

  /** Wipes the key; nothing can be written after that. */
  wipe(): void {
    this.#key.wipe();
    this.compressor?.close();
    this.compressor = undefined;
  }

  /** Fills the rest of a packet with random bytes. */
  #fillRandomly(packet: Uint8Array, from: number): void {
    if (this.#randomUsed + packet.length - from > RANDOM_POOL) {
      crypto.getRandomValues(this.#random);
      this.#randomUsed = 0;
    }
    for (let i = from; i < packet.length; i++) {
      packet[i] = this.#random[this.#randomUsed++]!;
    }
  }
}
