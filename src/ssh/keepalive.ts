import { ConnectionLostError } from "../errors.ts";

/** How a connection is found dead (OpenSSH: `ServerAliveInterval`, `ServerAliveCountMax`). */
export interface KeepaliveOptions {
  /** How long the server may be silent before it is asked, in milliseconds; 0 never asks. 15000 by default. */
  intervalMs?: number;
  /** How many times it is asked in vain before the connection ends. 3 by default. */
  countMax?: number;
}

/** What a keepalive watches. */
export interface KeepaliveSubject {
  /** Bytes that came in so far: any of them is a sign of life. */
  readonly bytesRead: () => number;
  /** Asks the server for an answer. */
  readonly ask: () => void;
  /** Ends the connection. */
  readonly fail: (error: ConnectionLostError) => void;
}

/**
 * Watches that the server is there.
 *
 * @returns stops watching.
 */
export function watchKeepalive(
  { intervalMs = 15_000, countMax = 3 }: KeepaliveOptions,
  { bytesRead, ask, fail }: KeepaliveSubject,
): () => void {
  if (intervalMs === 0) return () => {};
  let before = bytesRead();
  let silent = 0;
  const timer = setInterval(() => {
    const now = bytesRead();
    silent = now === before ? silent + 1 : 0;
    before = now;
    if (silent > countMax) {
      clearInterval(timer);
      fail(
        new ConnectionLostError(
          `the server was silent for ${
            silent * intervalMs
          } ms and did not answer ${countMax} times`,
        ),
      );
    } else if (silent > 0) {
      ask();
    }
  }, intervalMs);
  return () => clearInterval(timer);
}
