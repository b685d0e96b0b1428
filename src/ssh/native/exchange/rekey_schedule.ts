import { packetCiphers } from "../../cipher/packet_ciphers.ts";
import type {
  NegotiatedDirection,
  RekeyLimit,
} from "../../message_transport.ts";
import type { KeyUse } from "../packets/key_use.ts";

/** Packets in one direction with the same keys: half of what would repeat a sequence number. */
const MAX_PACKETS = 2 ** 31;
const GIB = 2 ** 30;
/** A longer timer would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Decides when keys have to be replaced: by use, and by age. */
export class RekeySchedule {
  readonly #limit: RekeyLimit;
  readonly #onDue: () => void;
  #maxBytesSent = Infinity;
  #maxBytesReceived = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param limit The user's limit, which can only lower the default.
   * @param onDue Called when keys reach the age limit.
   */
  constructor(limit: RekeyLimit, onDue: () => void) {
    this.#limit = limit;
    this.#onDue = onDue;
  }

  /** Starts over with new keys, for these ciphers. */
  start(sending: NegotiatedDirection, receiving: NegotiatedDirection): void {
    const { bytes = Infinity, ms } = this.#limit;
    this.#maxBytesSent = Math.min(bytes, maxBytes(sending));
    this.#maxBytesReceived = Math.min(bytes, maxBytes(receiving));
    this.stop();
    if (ms === undefined) return;
    this.#timer = setTimeout(this.#onDue, Math.min(ms, MAX_TIMER_MS));
  }

  /** Stops the timer. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Whether keys with this use have to be replaced. */
  isDue(sent: KeyUse, received: KeyUse): boolean {
    return sent.bytes >= this.#maxBytesSent ||
      received.bytes >= this.#maxBytesReceived ||
      sent.packets >= MAX_PACKETS || received.packets >= MAX_PACKETS;
  }
}

/** RFC 4344 section 3.2, as OpenSSH has it: 2^(L/4) blocks of L bits, but 1 GiB for small blocks. */
function maxBytes({ cipher }: NegotiatedDirection): number {
  const { blockSize } = packetCiphers.get(cipher)!;
  return blockSize < 16 ? GIB : 2 ** (2 * blockSize) * blockSize;
}
