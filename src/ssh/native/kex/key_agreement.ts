/**
 * A way for two sides to agree on a secret with one share from each: a
 * Diffie-Hellman function, a key encapsulation mechanism, or both together.
 */
export interface KeyAgreement {
  /** Creates the first side's share. */
  initiate(): Promise<Initiation>;
  /**
   * Takes the first side's share, and makes the second's.
   *
   * @throws {ProtocolError} if the share must not be used.
   */
  respond(share: Uint8Array): Promise<Response>;
}

/** The first side, waiting for the second's share. */
export interface Initiation {
  /** What the other side gets. */
  readonly share: Uint8Array;
  /**
   * Takes the second side's share. May be called once.
   *
   * @returns the secret.
   * @throws {ProtocolError} if the share must not be used.
   */
  finish(share: Uint8Array): Promise<Uint8Array>;
}

/** The second side, which is done at once. */
export interface Response {
  /** What the other side gets. */
  readonly share: Uint8Array;
  readonly secret: Uint8Array;
}
