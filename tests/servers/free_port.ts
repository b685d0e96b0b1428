import { tcpListeners } from "./listening.ts";

/**
 * Ports that neither the system gives away by itself nor x2goserver chooses. A
 * port that was given away and closed may be another program's by now; and
 * programs that another test starts keep it open until they are executed.
 */
const [LOWEST, HIGHEST] = [10_000, 29_999];

/** Each test file begins elsewhere, as several run at once. */
let last = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));

/** A port at which nothing listens, another one with each call. */
export function freePort(): number {
  const taken = new Set(tcpListeners().map(({ port }) => port));
  do last = last < HIGHEST ? last + 1 : LOWEST; while (taken.has(last));
  return last;
}

/**
 * Calls `start` with a free port, and again with another one where another
 * program took it in between.
 */
export async function withFreePort<T>(
  start: (port: number) => Promise<T>,
): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await start(freePort());
    } catch (error) {
      // sshd's words, and dropbear's.
      const taken = /in use|No listening ports/.test(String(error));
      if (!taken || attempt === 5) throw error;
    }
  }
}
