import { ChunkReader } from "./chunk_reader.ts";
import {
  type ByteSink,
  type ByteSource,
  type Direct,
  directSink,
  directSource,
  takeSink,
  takeSource,
} from "./direct.ts";
import type { Duplex } from "./duplex.ts";
import { StreamSink } from "./stream_sink.ts";
import { Turns } from "../turns.ts";

/** Reads and writes a duplex with buffers, as a `Deno.Conn` does. Each of its two streams is locked at its first use. */
export class DuplexStream implements Direct {
  readonly #duplex: Duplex;
  #reader: ChunkReader | undefined;
  #sink: ByteSink | undefined;
  readonly #writes = new Turns();

  constructor(duplex: Duplex) {
    this.#duplex = duplex;
  }

  /** What was read and is not used yet comes first. */
  [takeSource](): ByteSource | undefined {
    return this.#reader ?? directSource(this.#duplex);
  }

  [takeSink](): ByteSink | undefined {
    return this.#sink ?? directSink(this.#duplex);
  }

  /** Reads into `p`; resolves to the bytes read, or null at EOF. */
  read(p: Uint8Array): Promise<number | null> {
    return this.#openReader().read(p);
  }

  /** Writes all of `p`, once the other side has room for it. */
  async write(p: Uint8Array): Promise<number> {
    const sink = this.#openSink();
    await this.#writes.take(() => sink.write(p));
    return p.length;
  }

  /** Sends EOF; reading continues. */
  async closeWrite(): Promise<void> {
    const sink = this.#openSink();
    await this.#writes.take(() => sink.end());
  }

  /** @throws {TypeError} if either stream has another reader or writer. */
  lock(): void {
    this.#openReader();
    this.#openSink();
  }

  /** Stops reading and writing. */
  abandon(): void {
    this.#openReader().cancel();
    this.#openSink().abort(undefined);
  }

  #openReader(): ChunkReader {
    return this.#reader ??= new ChunkReader(
      directSource(this.#duplex) ?? this.#duplex.readable,
    );
  }

  #openSink(): ByteSink {
    return this.#sink ??= directSink(this.#duplex) ??
      new StreamSink(this.#duplex.writable);
  }
}
