/** A connection as a pair of Web Streams. */
export interface Duplex {
  /** What the other side sends; ends at its EOF. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** What goes to the other side; closing it sends EOF and leaves the readable as it is. */
  readonly writable: WritableStream<Uint8Array>;
}
