/**
 * What the driver of a key exchange knows of a method: messages in, messages
 * out, and at the end what is hashed and signed (RFC 4253 sections 7 and 8).
 *
 * @module
 */

/** A key exchange method (RFC 4253 section 8), named as it is negotiated. */
export interface KexMethod {
  /** The name that is negotiated, e.g. `curve25519-sha256`. */
  readonly name: string;
  /** The hash of the exchange, which also derives the keys (RFC 4253 section 7.2). */
  readonly hash: KexHash;
  /** Begins an exchange in the client's role. */
  client(): ClientKex;
  /** Begins an exchange in the server's role. */
  server(): ServerKex;
}

/** The hashes of key exchange methods, by their WebCrypto names. */
export type KexHash = "SHA-256" | "SHA-384" | "SHA-512";

/**
 * One exchange in the client's role. Messages are whole payloads, numbered 30
 * to 49 as the method defines them (RFC 4253 section 7). Both methods copy
 * what they keep.
 */
export interface ClientKex {
  /** The message that opens the exchange. */
  start(): Promise<Uint8Array>;
  /**
   * Takes the server's next message.
   *
   * @throws {ProtocolError} if it is not the expected one, or holds a value that must not be used.
   */
  receive(message: Uint8Array): Promise<KexAnswer | ClientKexResult>;
}

/** One exchange in the server's role. */
export interface ServerKex {
  /**
   * Takes the client's next message.
   *
   * @throws {ProtocolError} if it is not the expected one, or holds a value that must not be used.
   */
  receive(message: Uint8Array): Promise<KexAnswer | ServerKexResult>;
}

/** A message to send; the exchange continues. */
export interface KexAnswer {
  /** The whole payload. */
  readonly send: Uint8Array;
}

/** What both sides have in common after an exchange. */
export interface KexResult {
  /** The values between K_S and K in the exchange hash, encoded as they are hashed. */
  readonly publicValues: Uint8Array;
  /** K, encoded as it is hashed: an mpint or a string, its length included. */
  readonly secret: Uint8Array;
}

/** How an exchange ended for the client. */
export interface ClientKexResult extends KexResult {
  /** K_S, the host key or certificate; not verified yet. */
  readonly hostKey: Uint8Array;
  /** The signature of the exchange hash; not verified yet. */
  readonly signature: Uint8Array;
}

/** How an exchange ended for the server, but for its last message. */
export interface ServerKexResult extends KexResult {
  /** The last message, which proves that the host key is the server's own. */
  reply(hostKey: Uint8Array, signature: Uint8Array): Uint8Array;
}
