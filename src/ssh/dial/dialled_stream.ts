import { ChunkReader } from "../../streams/chunk_reader.ts";
import { ArgumentError } from "../../errors.ts";
import {
  type ByteSink,
  directSink,
  directSource,
} from "../../streams/direct.ts";
import { StreamSink } from "../../streams/stream_sink.ts";
import type { ByteStream } from "../../streams/byte_stream.ts";

/** What carries an SSH connection in the place of TCP. A channel of another connection is one. */
export interface Transport {
  /** What the server sends. Its end ends the connection, and so does its error. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What goes to the server. */
  readonly writable: WritableStream<Uint8Array>;
  /**
   * Closes what is behind the streams. Called once, after the connection has
   * ended and the streams were cancelled and aborted;
   * {@linkcode SshConnection.close} waits for it.
   */
  close?(): void | Promise<void>;
}

/** Which server to reach. */
export interface DialRequest {
  /** {@linkcode ConnectOptions.hostname} */
  hostname: string;
  /** {@linkcode ConnectOptions.port} */
  port: number;
  /** Aborts when nobody waits any more; what is reached then is closed. */
  signal: AbortSignal;
}

/** Reaches a server. */
export type Dial = (to: DialRequest) => Promise<Transport>;

/** A transport as the stream that {@linkcode Ssh2Socket} reads and writes. */
export class TransportStream implements ByteStream {
  readonly #transport: Transport;
  readonly #reader: ChunkReader;
  readonly #sink: ByteSink;

  /** @throws {ArgumentError} if it has no streams that can be used. */
  constructor(transport: Transport) {
    this.#transport = transport;
    try {
      this.#reader = new ChunkReader(
        directSource(transport) ?? transport.readable,
      );
      this.#sink = directSink(transport) ?? new StreamSink(transport.writable);
    } catch (cause) {
      throw new ArgumentError(
        "dial",
        "has to give { readable, writable } that nobody else reads or writes",
        { cause },
      );
    }
  }

  read(p: Uint8Array): Promise<number | null> {
    return this.#reader.read(p);
  }

  async write(p: Uint8Array): Promise<number> {
    await this.#sink.write(p);
    return p.length;
  }

  async closeWrite(): Promise<void> {
    await this.#sink.end();
  }

  close(): void | Promise<void> {
    this.#reader.cancel();
    this.#sink.abort(undefined);
    return this.#transport.close?.();
  }
}
