import type { ByteStream } from "./byte_stream.ts";
import { writeAll } from "./write_all.ts";
import { closeQuietly } from "../sockets/close_quietly.ts";
import type { ByteSink, ByteSource, Lent } from "./direct.ts";

/** Buffers start with this size, so that an idle connection costs little, ... */
const SMALLEST = 2 * 1024;
/** ... and grow to this one as long as they are filled. */
const LARGEST = 128 * 1024;

/** Buffers of connections that have ended, for the next ones. */
const spare: Uint8Array<ArrayBuffer>[] = [];
const MAX_SPARE = 64;
const NONE = new Uint8Array();

/**
 * Both directions of a `Deno.Conn`, which is closed once both have ended.
 *
 * The connection's own streams do not keep them apart: the first to end closes
 * the whole socket (denoland/deno#22258).
 */
export class SocketEnd implements ByteSource, ByteSink {
  readonly #conn: ByteStream;
  #buffer: Uint8Array<ArrayBuffer> = spare.pop() ??
    new Uint8Array(SMALLEST);
  /** Directions that have not ended. */
  #open = 2;

  /** @param conn The connection; this owns and closes it. */
  constructor(conn: ByteStream) {
    this.#conn = conn;
  }

  async lend(): Promise<Lent> {
    if (this.#buffer === NONE) return null;
    const n = await this.#conn.read(this.#buffer);
    if (n === null) {
      this.#giveBack();
      this.#endOne();
      return null;
    }
    const lent = this.#buffer.subarray(0, n);
    if (n === this.#buffer.length && n < LARGEST) {
      this.#buffer = new Uint8Array(4 * n);
    } else if (n < SMALLEST && this.#buffer.length > SMALLEST) {
      this.#buffer = new Uint8Array(SMALLEST);
    }
    return lent;
  }

  write(bytes: Uint8Array): Promise<void> {
    return writeAll(this.#conn, bytes);
  }

  async end(): Promise<void> {
    await this.#conn.closeWrite();
    this.#endOne();
  }

  /** Closes it: reads and writes under way reject. */
  abort(): void {
    closeQuietly(this.#conn);
  }

  /** Same as {@linkcode abort}. */
  cancel(): void {
    this.abort();
  }

  /** The next write reports it. */
  onFailure(): void {}

  #giveBack(): void {
    const isSmall = this.#buffer.length === SMALLEST;
    if (isSmall && spare.length < MAX_SPARE) spare.push(this.#buffer);
    this.#buffer = NONE;
  }

  #endOne(): void {
    if (--this.#open === 0) closeQuietly(this.#conn);
  }
}
