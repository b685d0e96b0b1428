import type { ByteStream } from "../../../streams/byte_stream.ts";
import type { PacketReader } from "./packet_reader.ts";

/** Reads a stream into a packet reader, as long as there is room and its owner agrees. */
export class StreamInput {
  /** Bytes received so far. */
  bytesReceived = 0;
  /** Whether the stream has ended. */
  atEnd = false;

  #stopped = false;
  /** Settles at the next {@linkcode look}, while reading pauses. */
  #looked: PromiseWithResolvers<void> | undefined;

  /**
   * Starts reading.
   *
   * @param owner `mayRead` is asked before each read, and again after {@linkcode look}.
   */
  constructor(
    stream: ByteStream,
    reader: PacketReader,
    owner: {
      mayRead(): boolean;
      onBytes(): void;
      onError(error: unknown): void;
    },
  ) {
    const read = async () => {
      while (!this.#stopped && !this.atEnd) {
        const room = reader.room();
        if (room.length === 0 || !owner.mayRead()) {
          this.#looked = Promise.withResolvers();
          await this.#looked.promise;
          continue;
        }
        const size = await stream.read(room);
        if (this.#stopped) return;
        if (size === null) this.atEnd = true;
        else {
          this.bytesReceived += size;
          reader.advance(size);
        }
        owner.onBytes();
      }
    };
    read().catch((error) => this.#stopped || owner.onError(error));
  }

  /** Checks again whether reading may continue. */
  look(): void {
    this.#looked?.resolve();
    this.#looked = undefined;
  }

  /** Stops reading. */
  stop(): void {
    this.#stopped = true;
    this.look();
  }
}
