import { RForwardError } from "../../errors.ts";
import type { ByteSource } from "../../streams/direct.ts";
import { MAX_PACKET } from "./sftp_protocol.ts";

/** Bytes of the length in front of a packet. */
const LENGTH_SIZE = 4;
/** The most bytes that are read at once: the largest packet fits, or many small ones. */
const ROOM = 2 * (LENGTH_SIZE + MAX_PACKET);

/**
 * A client's packets, in one buffer that is filled again and again. What comes
 * in while they are processed waits in the channel, and is taken together.
 */
export class PacketSource {
  readonly #source: ByteSource;
  /** What the source has lent and the buffer had no room for. */
  #lent: Uint8Array = new Uint8Array();
  readonly #room = new Uint8Array(ROOM);
  readonly #view = new DataView(this.#room.buffer);
  /** What is in there and was not taken. */
  #start = 0;
  #end = 0;

  /** @param source What comes in. */
  constructor(source: ByteSource) {
    this.#source = source;
  }

  /**
   * Takes all packets that are there, each without its length, waiting for the
   * first; none at the end. They are valid until the next call.
   *
   * @throws {RForwardError} `protocol-error` after a length that no client
   * sends: the packet boundaries are lost.
   */
  async take(): Promise<Uint8Array[]> {
    while (true) {
      const packets = this.#split();
      if (packets.length > 0 || !await this.#read()) return packets;
    }
  }

  #split(): Uint8Array[] {
    const packets: Uint8Array[] = [];
    while (this.#end - this.#start >= LENGTH_SIZE) {
      const start = this.#start + LENGTH_SIZE;
      const length = this.#view.getUint32(this.#start);
      if (length < 1 || length > MAX_PACKET) {
        if (packets.length > 0) break;
        throw new RForwardError(
          "protocol-error",
          `the client sent an SFTP packet of ${length} bytes; 1 to ${MAX_PACKET} are possible`,
        );
      }
      if (start + length > this.#end) break;
      packets.push(this.#room.subarray(start, start + length));
      this.#start = start + length;
    }
    return packets;
  }

  /** Reads all there is behind the beginning of a packet that is left over; false at the end. */
  async #read(): Promise<boolean> {
    this.#room.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
    do {
      const lent = this.#lent.length > 0
        ? this.#lent
        : await this.#source.lend();
      if (!lent) return false;
      const part = lent.subarray(0, ROOM - this.#end);
      this.#room.set(part, this.#end);
      this.#end += part.length;
      this.#lent = lent.subarray(part.length);
    } while (this.#end < ROOM && this.#source.isReady);
    return true;
  }
}
