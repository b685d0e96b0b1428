import { Mode, openLoad, readAll, receive, send } from "../load.ts";
import type { Suite } from "../suite.ts";
import { tunnelSuite } from "../tunnel_suite.ts";

/** A transfer is no larger than this, in MiB: it takes seconds on such a path. */
const MAX_MIB = 128;

/**
 * One transfer each way, and a small one up, where the server is far away.
 * Each is on a new connection, so that it includes what the client takes to
 * learn the path.
 */
function longPath(pathMs: number): Suite {
  return tunnelSuite({
    name: `path-${pathMs}ms`,
    pathMs,
    metrics: ["1 MiB up ms", "up MB/s", "down MB/s"],
    async measure({ port }, { mib }) {
      // TCP's own slow start is over then.
      await transferUp(port, 4 * 2 ** 20);
      const small = await transferUp(port, 2 ** 20);
      const bytes = Math.min(mib, MAX_MIB) * 2 ** 20;
      const upMs = await transferUp(port, bytes);
      const downMs = await down(port, bytes);
      return [small, bytes / 1000 / upMs, bytes / 1000 / downMs];
    },
  });
}

/** Transfers bytes from the server to the client; returns how many milliseconds it took. */
export async function transferUp(port: number, bytes: number): Promise<number> {
  using conn = await openLoad(port, Mode.sink, bytes);
  const before = performance.now();
  await send(conn, bytes);
  await readAll(conn, new Uint8Array(1));
  return performance.now() - before;
}

/** From the client to the server. */
async function down(port: number, bytes: number): Promise<number> {
  const before = performance.now();
  using conn = await openLoad(port, Mode.source, bytes);
  await receive(conn, bytes);
  return performance.now() - before;
}

/** Between continents, and over a satellite or a bad mobile network. */
export const longPaths: readonly Suite[] = [longPath(100), longPath(300)];
