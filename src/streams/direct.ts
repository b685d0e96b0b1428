/**
 * Bytes without Web Streams: what both ends of a relay offer when both are ours.
 * A stream costs some kilobytes and a dozen promises for each connection, and
 * most of the time of a small message; so ours are made when a user asks for them.
 *
 * One rule says who owns bytes, here and wherever buffers are passed on: they are
 * lent. Read bytes are valid until more is asked for, bytes to write until the
 * write has settled, a received SSH message during the call. Whoever needs them
 * longer copies them. Web Streams give bytes away instead: `StreamSink` copies
 * what it writes to one, and `byteReadable` fills buffers of the reader's own.
 *
 * @module
 */

/** Bytes that are lent: valid until more is asked for. Null at the end. */
export type Lent = Uint8Array | null;

/** One direction of a connection, to read. */
export interface ByteSource {
  /** Lends the next bytes; waits only if there are none. One call at a time. */
  lend(): Lent | Promise<Lent>;
  /** Stops reading: a call that waits settles. */
  cancel(reason: unknown): void;
  /** Whether {@linkcode lend} would not wait, but give bytes. */
  readonly isReady?: boolean;
  /** Whether it has bytes that it holds back for a while: it is not idle then. */
  readonly isHolding?: boolean;
}

/** One direction of a connection, to write. */
export interface ByteSink {
  /** Writes all of `bytes`, which may be used again once this has settled. One call at a time. */
  write(bytes: Uint8Array): void | Promise<void>;
  /** Sends EOF. */
  end(): void | Promise<void>;
  /** Stops writing: a call that waits settles. */
  abort(reason: unknown): void;
  /** Registers a callback for a failure while nothing is being written. */
  onFailure(callback: (error: unknown) => void): void;
}

/** Name of the method by which our own objects hand over their source, instead of their readable. */
export const takeSource: unique symbol = Symbol("takeSource");
/** Name of the method by which our own objects hand over their sink, instead of their writable. */
export const takeSink: unique symbol = Symbol("takeSink");

/** What has two streams, and may do without them. Undefined where the stream was made already. */
export interface Direct {
  [takeSource](): ByteSource | undefined;
  [takeSink](): ByteSink | undefined;
}

/** The source behind a readable, which is locked from now on; undefined if there is only the stream. */
export function directSource(of: object): ByteSource | undefined {
  return (of as Partial<Direct>)[takeSource]?.();
}

/** The sink behind a writable, which is locked from now on; undefined if there is only the stream. */
export function directSink(of: object): ByteSink | undefined {
  return (of as Partial<Direct>)[takeSink]?.();
}
