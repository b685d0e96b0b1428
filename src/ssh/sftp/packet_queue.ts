import { RForwardError } from "../../errors.ts";
import { MAX_PACKET } from "./sftp_protocol.ts";

/** Bytes of packets that are read ahead; the one that passes it is kept too. */
const READ_AHEAD = 256 * 1024;

/**
 * A client's packets, read ahead while earlier ones are worked on: what came in
 * meanwhile can be taken together.
 */
export class PacketQueue implements Disposable {
  #packets: Uint8Array[] = [];
  #bytes = 0;
  #end: { error?: unknown } | undefined;
  #wakeTaker: (() => void) | undefined;
  #wakeReader: (() => void) | undefined;

  /** @param input What comes in; it is read to its end, and cancelled when this is disposed before. */
  constructor(input: ReadableStream<Uint8Array>) {
    this.#read(input).then(
      () => this.#stop({}),
      (error) => this.#stop({ error }),
    );
  }

  /** Whether nothing waits to be taken. */
  get empty(): boolean {
    return this.#packets.length === 0;
  }

  /**
   * Takes all packets that are there, waiting for the first; none at the end.
   *
   * @throws {RForwardError} `protocol-error` after a length that no client sends.
   */
  async take(): Promise<Uint8Array[]> {
    if (this.empty && !this.#end) {
      await new Promise<void>((resolve) => this.#wakeTaker = resolve);
    }
    if (this.empty && this.#end?.error) throw this.#end.error;
    const packets = this.#packets;
    this.#packets = [];
    this.#bytes = 0;
    this.#wakeReader?.();
    return packets;
  }

  /** Reads no more. */
  [Symbol.dispose](): void {
    this.#stop({});
    this.#wakeReader?.();
  }

  async #read(input: ReadableStream<Uint8Array>): Promise<void> {
    const splitter = new PacketSplitter();
    for await (const chunk of input) {
      for (const packet of splitter.split(chunk)) {
        this.#packets.push(packet);
        this.#bytes += packet.length;
      }
      if (!this.empty) this.#wakeTaker?.();
      if (this.#bytes > READ_AHEAD) {
        await new Promise<void>((resolve) => this.#wakeReader = resolve);
      }
      if (this.#end) return;
    }
  }

  #stop(end: { error?: unknown }): void {
    this.#end ??= end;
    this.#wakeTaker?.();
  }
}

/** Puts packets together from what comes in, each without its length. */
export class PacketSplitter {
  /** What came of the packet that is not whole, its length included. */
  #partial = new Uint8Array(4);
  #filled = 0;

  /**
   * Takes the next bytes and yields the packets that they complete. A packet
   * that lies whole in `chunk` is a view of it.
   *
   * @throws {RForwardError} `protocol-error` for a length that no client sends:
   * what follows cannot be told apart any more.
   */
  *split(chunk: Uint8Array): Generator<Uint8Array, void, void> {
    while (chunk.length > 0) {
      if (this.#filled === 0 && chunk.length >= 4) {
        const end = 4 + packetLength(chunk);
        if (chunk.length >= end) {
          yield chunk.subarray(4, end);
          chunk = chunk.subarray(end);
          continue;
        }
      }
      chunk = chunk.subarray(this.#fill(chunk));
      if (this.#filled < this.#partial.length) continue;
      if (this.#filled === 4) {
        const whole = new Uint8Array(4 + packetLength(this.#partial));
        whole.set(this.#partial);
        this.#partial = whole;
      } else {
        yield this.#partial.subarray(4);
        this.#partial = new Uint8Array(4);
        this.#filled = 0;
      }
    }
  }

  #fill(chunk: Uint8Array): number {
    const missing = this.#partial.length - this.#filled;
    const part = chunk.subarray(0, missing);
    this.#partial.set(part, this.#filled);
    this.#filled += part.length;
    return part.length;
  }
}

function packetLength(bytes: Uint8Array): number {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  if (length >= 1 && length <= MAX_PACKET) return length;
  throw new RForwardError(
    "protocol-error",
    `the client sent an SFTP packet of ${length} bytes; 1 to ${MAX_PACKET} are possible`,
  );
}
