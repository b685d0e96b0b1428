import type { KeepaliveOptions } from "../connect_options.ts";
import { ConnectionLostError } from "../../errors.ts";

/** What a keepalive watches. */
export interface KeepaliveSubject {
  /** Bytes that came in so far: any of them is a sign of life. */
  readonly bytesReceived: () => number;
  /** Asks the server for an answer. */
  readonly ask: () => void;
  /** Ends the connection. */
  readonly fail: (error: ConnectionLostError) => void;
}

/** How often to look in each interval, which bounds how late a loss is noticed. */
const LOOKS = 4;

/**
 * Watches whether the server is alive: it is lost after `countMax + 1` intervals
 * of silence. Time in which this process does not run does not count.
 *
 * @returns stops watching.
 */
export function watchKeepalive(
  { intervalMs = 15_000, countMax = 3 }: KeepaliveOptions,
  { bytesReceived, ask, fail }: KeepaliveSubject,
): () => void {
  if (intervalMs === 0) return () => {};
  let before = bytesReceived();
  let looks = 0;
  const timer = setInterval(() => {
    const now = bytesReceived();
    looks = now === before ? looks + 1 : 0;
    before = now;
    if (looks === 0 || looks % LOOKS > 0) return;
    const silent = looks / LOOKS;
    if (silent <= countMax) return ask();
    clearInterval(timer);
    fail(
      new ConnectionLostError(
        `the server was silent for ${
          silent * intervalMs
        } ms and did not answer ${countMax} times`,
      ),
    );
  }, intervalMs / LOOKS);
  return () => clearInterval(timer);
}
