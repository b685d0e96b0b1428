import { DisconnectReason } from "./messages/transport_messages.ts";
import { ConnectionLostError, ProtocolError } from "../errors.ts";
import { printable } from "../text/printable.ts";

/** How a {@linkcode MessageTransport} ended. */
export type TransportEnd =
  /** `close()` or `destroy()` was called here. */
  | { readonly how: "closed" }
  /** The other side closed the stream without DISCONNECT. */
  | { readonly how: "eof" }
  /** The other side said why: SSH_MSG_DISCONNECT (RFC 4253 section 11.1). The text is as it came. */
  | {
    readonly how: "disconnect";
    readonly reason: number;
    readonly text: string;
  }
  /** The stream broke, or the other side broke the protocol ({@linkcode ProtocolError}). */
  | { readonly how: "error"; readonly error: Error };

/** The names of the reasons of a DISCONNECT (RFC 4253 section 11.1), from 1. */
const REASONS = [
  "HOST_NOT_ALLOWED_TO_CONNECT",
  "PROTOCOL_ERROR",
  "KEY_EXCHANGE_FAILED",
  "RESERVED",
  "MAC_ERROR",
  "COMPRESSION_ERROR",
  "SERVICE_NOT_AVAILABLE",
  "PROTOCOL_VERSION_NOT_SUPPORTED",
  "HOST_KEY_NOT_VERIFIABLE",
  "CONNECTION_LOST",
  "BY_APPLICATION",
  "TOO_MANY_CONNECTIONS",
  "AUTH_CANCELLED_BY_USER",
  "NO_MORE_AUTH_METHODS_AVAILABLE",
  "ILLEGAL_USER_NAME",
];

/** Why a transport ended, as an error. */
export function transportError(end: TransportEnd): Error {
  switch (end.how) {
    case "closed":
      return new ProtocolError("the connection was closed here");
    case "eof":
      return new ProtocolError("the server closed the connection");
    case "disconnect":
      return new ProtocolError(
        printable(end.text) || REASONS[end.reason - 1] ||
          `reason ${end.reason}`,
      );
    case "error":
      return end.error;
  }
}

/** The error of a connection that was not closed here. */
export function lostBy(end: TransportEnd): ConnectionLostError {
  if (end.how === "error") {
    const { error: cause } = end;
    return new ConnectionLostError(
      `the connection broke: ${printable(cause.message)}`,
      { cause },
    );
  }
  const isWord = end.how === "disconnect" &&
    end.reason !== DisconnectReason.BY_APPLICATION;
  return new ConnectionLostError(
    isWord
      ? `the server ended the connection: ${transportError(end).message}`
      : "the server closed the connection",
  );
}
