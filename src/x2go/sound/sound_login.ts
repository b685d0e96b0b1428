/** Why a program's login is refused. */
export type SoundRefusal = "access-denied" | "connection-refused";

/**
 * How a program logs in to a sound server: the first bytes of a connection,
 * which present a cookie.
 */
export interface SoundLogin {
  /** Bytes of a login. */
  readonly size: number;
  /** The cookie that a login presents; undefined if it is not a login. */
  cookie(login: Uint8Array): Uint8Array | undefined;
  /** The login to send to the sound server in place of the program's. */
  withCookie(login: Uint8Array, cookie: Uint8Array): Uint8Array;
  /** What to answer a program before its connection is closed; may be empty. */
  refusal(login: Uint8Array, reason: SoundRefusal): Uint8Array;
}
