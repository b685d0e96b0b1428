/**
 * A two-way stream of bytes as a pair of Web Streams: a channel, a connection,
 * what carries an SSH connection.
 */
export interface Duplex {
  /** What the other side sends; ends at its EOF. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What goes to the other side; closing it sends EOF and leaves the readable as it is. */
  readonly writable: WritableStream<Uint8Array>;
}
