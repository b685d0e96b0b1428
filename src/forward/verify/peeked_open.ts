import { ChunkReader } from "../../streams/chunk_reader.ts";
import type {
  Bind,
  CloseReason,
  ForwardedOpen,
  Originator,
  SshChannel,
} from "../../ssh/connection.ts";
import { byteReadable } from "../../streams/byte_readable.ts";

/**
 * A connection that was confirmed to see what it begins with, and can then be
 * handed on as if it had not been read. It can no longer be refused, though: it
 * is closed instead.
 */
export class PeekedOpen implements ForwardedOpen {
  readonly bind: Bind;
  readonly originator: Originator;
  readonly signal: AbortSignal;

  readonly #channel: SshChannel;
  readonly #reader: ChunkReader;
  readonly #seen: Uint8Array[] = [];
  /** The read of the next part, while it is pending; undefined at the end. */
  #next: Promise<Uint8Array | undefined> | undefined;
  #answered = false;

  constructor(open: ForwardedOpen) {
    this.bind = open.bind;
    this.originator = open.originator;
    this.signal = open.signal;
    this.#channel = open.confirm();
    this.#reader = new ChunkReader(this.#channel.readable);
  }

  /** Settles when its channel is closed. */
  get closed(): Promise<CloseReason> {
    return this.#channel.closed;
  }

  get answered(): boolean {
    return this.#answered;
  }

  /**
   * Whether it begins with these bytes; waits for only as many as that takes.
   *
   * @param until Ends the wait when it settles.
   */
  async beginsWith(bytes: Uint8Array, until: Promise<void>): Promise<boolean> {
    let matched = 0;
    while (matched < bytes.length) {
      const next = this.#next ??= this.#readPart(bytes.length - matched);
      const part = await Promise.race([next, until]).catch(() => undefined);
      if (!part) return false;
      this.#next = undefined;
      this.#seen.push(part);
      for (const byte of part) if (byte !== bytes[matched++]) return false;
    }
    return true;
  }

  confirm(): SshChannel {
    this.#answered = true;
    const channel = this.#channel;
    return {
      readable: byteReadable(
        (p) => this.#read(p),
        (reason) => this.#reader.cancel(reason),
      ),
      writable: channel.writable,
      closed: channel.closed,
      get bytesReceived() {
        return channel.bytesReceived;
      },
      get bytesSent() {
        return channel.bytesSent;
      },
      close: () => channel.close(),
    };
  }

  refuse(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#channel.close();
    this.#next?.catch(() => {}); // ends with the channel
  }

  async #readPart(size: number): Promise<Uint8Array | undefined> {
    const part = new Uint8Array(size);
    const n = await this.#reader.read(part);
    return n === null ? undefined : part.subarray(0, n);
  }

  /** Reads what was seen, and then the rest. */
  async #read(p: Uint8Array): Promise<number | null> {
    const part = this.#seen.shift() ?? await this.#next;
    this.#next = undefined;
    if (!part) return await this.#reader.read(p);
    const n = Math.min(p.length, part.length);
    p.set(part.subarray(0, n));
    if (n < part.length) this.#seen.unshift(part.subarray(n));
    return n;
  }
}
