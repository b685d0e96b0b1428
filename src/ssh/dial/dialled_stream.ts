import { ChunkReader } from "../../chunk_reader.ts";
import { ArgumentError } from "../../errors.ts";
import { borrows } from "../../lending.ts";
import type { ByteStream } from "../byte_stream.ts";

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
  /** {@linkcode ConnectOptions.host} */
  host: string;
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
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  /** @throws {ArgumentError} if it has no streams that can be used. */
  constructor(transport: Transport) {
    this.#transport = transport;
    try {
      this.#reader = new ChunkReader(transport.readable);
      this.#writer = transport.writable.getWriter();
    } catch (cause) {
      throw new ArgumentError(
        "dial",
        "has to give { readable, writable } that nobody else reads or writes",
        { cause },
      );
    }
    // Whoever writes next learns of it.
    this.#writer.closed.catch(() => {});
  }

  read(p: Uint8Array): Promise<number | null> {
    return this.#reader.read(p);
  }

  /** Writes a copy if the stream may keep what it has taken: `p` is used again. */
  async write(p: Uint8Array): Promise<number> {
    const { writable } = this.#transport;
    await this.#writer.write(borrows(writable) ? p : p.slice());
    return p.length;
  }

  closeWrite(): Promise<void> {
    return this.#writer.close();
  }

  close(): void | Promise<void> {
    this.#reader.cancel().catch(() => {});
    this.#writer.abort().catch(() => {});
    return this.#transport.close?.();
  }
}
