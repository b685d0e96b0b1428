import type {
  Bind,
  CloseReason,
  ForwardedOpen,
  Originator,
  SshChannel,
} from "../ssh/connection.ts";

type Chunk = Uint8Array<ArrayBuffer>;

/**
 * A connection that was confirmed to see what it begins with, and is then
 * handed on as if nobody had looked. Only it can no longer be refused: it is
 * closed instead.
 */
export class PeekedOpen implements ForwardedOpen {
  readonly bind: Bind;
  readonly originator: Originator;
  readonly signal: AbortSignal;

  readonly #channel: SshChannel;
  readonly #reader: ReadableStreamDefaultReader<Chunk>;
  readonly #seen: Chunk[] = [];
  #next: Promise<ReadableStreamReadResult<Chunk>> | undefined;
  #answered = false;

  constructor(open: ForwardedOpen) {
    this.bind = open.bind;
    this.originator = open.originator;
    this.signal = open.signal;
    this.#channel = open.confirm();
    this.#reader = this.#channel.readable.getReader();
  }

  /** Settles when its channel is closed. */
  get closed(): Promise<CloseReason> {
    return this.#channel.closed;
  }

  get answered(): boolean {
    return this.#answered;
  }

  /**
   * Whether it begins with these bytes; waits for no more of them than that takes.
   *
   * @param until Nobody waits for it any more once this settles.
   */
  async beginsWith(bytes: Uint8Array, until: Promise<void>): Promise<boolean> {
    let matched = 0;
    while (matched < bytes.length) {
      const next = this.#next ??= this.#reader.read();
      const result = await Promise.race([next, until]).catch(() => undefined);
      if (!result || result.done) return false;
      this.#next = undefined;
      this.#seen.push(result.value);
      for (const byte of result.value.subarray(0, bytes.length - matched)) {
        if (byte !== bytes[matched++]) return false;
      }
    }
    return true;
  }

  confirm(): SshChannel {
    this.#answered = true;
    const channel = this.#channel;
    return {
      readable: this.#whole(),
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

  /** What was seen, and then the rest. */
  #whole(): ReadableStream<Chunk> {
    return new ReadableStream({
      type: "bytes",
      pull: async (controller) => {
        const seen = this.#seen.shift();
        if (seen) return controller.enqueue(seen);
        const next = this.#next ?? this.#reader.read();
        this.#next = undefined;
        const { value, done } = await next;
        if (!done) return controller.enqueue(value);
        controller.close();
        controller.byobRequest?.respond(0);
      },
      cancel: (reason) => this.#reader.cancel(reason),
    }, { highWaterMark: 0 });
  }
}
