/** A key that signs: a private key of this process, or one that an agent holds. */
export interface SigningKey {
  /** The public key or certificate as it goes over the wire (RFC 4253 section 6.6). */
  readonly blob: Uint8Array;
  /** The signature algorithms that it can be asked for, best first: one for most keys, two for RSA (RFC 8332). */
  readonly algorithms: readonly string[];
  /**
   * Signs.
   *
   * @param algorithm One of {@linkcode algorithms}.
   * @returns the signature with its algorithm in front (RFC 4253 section 6.6).
   */
  sign(algorithm: string, data: Uint8Array): Promise<Uint8Array>;
}
