/** How a {@linkcode MessageTransport} ended. */
export type TransportEnd =
  /** `close()` or `destroy()` was called here. */
  | { readonly how: "closed" }
  /** The other side closed the stream, without a word. */
  | { readonly how: "eof" }
  /** The other side said why: SSH_MSG_DISCONNECT (RFC 4253 section 11.1). The text is as it came. */
  | {
    readonly how: "disconnect";
    readonly reason: number;
    readonly text: string;
  }
  /** The stream broke, or the other side broke the protocol ({@linkcode ProtocolError}). */
  | { readonly how: "error"; readonly error: Error };
