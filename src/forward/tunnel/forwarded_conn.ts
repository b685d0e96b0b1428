import { DuplexStream } from "../../streams/duplex_stream.ts";
import { isTcp } from "../../ssh/bind.ts";
import type { Bind, ForwardedOpen, SshChannel } from "../../ssh/connection.ts";
import {
  type ByteSink,
  type ByteSource,
  takeSink,
  takeSource,
} from "../../streams/direct.ts";

/**
 * A connection to a bound port, shaped like a `Deno.Conn`: what takes one of
 * those can take this too. Unlike there, closing one of the two streams leaves
 * the other open, so half-close works through them as well.
 */
export class ForwardedConn implements Deno.Conn {
  /** Where on the server the connection came in, as the server names it. */
  readonly localAddr: Deno.Addr;
  /** Who connected, as the server reports it: untrusted. */
  readonly remoteAddr: Deno.Addr;
  /** Settles when the connection is over. */
  readonly closed: Promise<void>;

  readonly #channel: SshChannel;
  readonly #stream: DuplexStream;

  /**
   * Takes over a channel.
   *
   * @param channel The channel; {@linkcode close} closes it.
   * @param from What the server said of it when it opened it.
   *
   * @ignore
   */
  constructor(
    channel: SshChannel,
    from: Pick<ForwardedOpen, "bind" | "originator">,
  ) {
    this.#channel = channel;
    this.#stream = new DuplexStream(channel);
    ({ localAddr: this.localAddr, remoteAddr: this.remoteAddr } = connAddresses(
      from,
    ));
    this.closed = channel.closed.then(() => {});
  }

  /** What the other side sends; ends at its EOF. See {@linkcode SshChannel.readable}. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#channel.readable;
  }

  /** What goes to the other side; closing it sends EOF and leaves the readable as it is. */
  get writable(): WritableStream<Uint8Array<ArrayBufferLike>> {
    return this.#channel.writable;
  }

  /** @ignore What was read and is not used yet comes first. */
  [takeSource](): ByteSource | undefined {
    return this.#stream[takeSource]();
  }

  /** @ignore */
  [takeSink](): ByteSink | undefined {
    return this.#stream[takeSink]();
  }

  /** Reads into `p`; resolves to the bytes read, or null at EOF. */
  async read(p: Uint8Array): Promise<number | null> {
    return await this.#stream.read(p);
  }

  /** Writes all of `p`, once the SSH window has room for it. */
  async write(p: Uint8Array): Promise<number> {
    return await this.#stream.write(p);
  }

  /** Sends EOF; reading continues. */
  async closeWrite(): Promise<void> {
    await this.#stream.closeWrite();
  }

  /** Closes both directions now. Idempotent. */
  close(): void {
    this.#channel.close();
  }

  /** Does nothing: the SSH connection keeps the process alive. */
  ref(): void {}

  /** Does nothing: the SSH connection keeps the process alive. */
  unref(): void {}

  /** Same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** Both ends of a connection to a bound port, as Deno writes addresses. */
export function connAddresses(
  { bind, originator }: Pick<ForwardedOpen, "bind" | "originator">,
): { localAddr: Deno.Addr; remoteAddr: Deno.Addr } {
  const { address: hostname, port } = originator;
  return {
    localAddr: boundAddr(bind),
    remoteAddr: isTcp(bind)
      ? { transport: "tcp", hostname, port }
      : { transport: "unix", path: "" },
  };
}

/** A bind as Deno writes addresses. */
export function boundAddr(bind: Bind): Deno.Addr {
  return isTcp(bind)
    ? { transport: "tcp", hostname: bind.hostname, port: bind.port }
    : { transport: "unix", path: bind.path };
}
