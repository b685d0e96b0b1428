import { Mode, openLoad, readAll, receive, send } from "../load.ts";
import type { Suite } from "../suite.ts";
import { tunnelSuite } from "../tunnel_suite.ts";

/** A transfer is no larger than this, in MiB: it takes seconds on such a path. */
const MAX_MIB = 128;

/**
 * One transfer each way, and a small one from the server, where that is far away.
 * Each is on a new connection, so that it includes what the client takes to
 * learn the path.
 */
function longPath(pathMs: number): Suite {
  return tunnelSuite({
    name: `path-${pathMs}ms`,
    pathMs,
    metrics: [
      "1 MiB from the server, ms",
      "from the server, MB/s",
      "to the server, MB/s",
    ],
    async measure({ port }, { mib }) {
      // TCP's own slow start is over then.
      await transferFromServer(port, 4 * 2 ** 20);
      const small = await transferFromServer(port, 2 ** 20);
      const bytes = Math.min(mib, MAX_MIB) * 2 ** 20;
      const fromServerMs = await transferFromServer(port, bytes);
      const toServerMs = await transferToServer(port, bytes);
      return [small, bytes / 1000 / fromServerMs, bytes / 1000 / toServerMs];
    },
  });
}

/** Transfers bytes from the server; returns how many milliseconds it took. */
export async function transferFromServer(
  port: number,
  bytes: number,
): Promise<number> {
  using conn = await openLoad(port, Mode.sink, bytes);
  const before = performance.now();
  await send(conn, bytes);
  await readAll(conn, new Uint8Array(1));
  return performance.now() - before;
}

/** The same in the other direction. */
async function transferToServer(port: number, bytes: number): Promise<number> {
  const before = performance.now();
  using conn = await openLoad(port, Mode.source, bytes);
  await receive(conn, bytes);
  return performance.now() - before;
}

/** Between continents, and over a satellite or a bad mobile network. */
export const longPaths: readonly Suite[] = [longPath(100), longPath(300)];
