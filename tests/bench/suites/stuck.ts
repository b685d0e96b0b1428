import { Mode, openLoad } from "../load.ts";
import { residentBytes } from "../process_stat.ts";
import type { Suite } from "../suite.ts";
import { tunnelSuite } from "../tunnel_suite.ts";

const mib = 2 ** 20;
/** Nothing more is taken when nothing was for so long, in milliseconds. */
const QUIET_MS = 1500;

/**
 * How much memory of the client readers take that never read, on a long path,
 * where windows are large. What was sent is more: it waits in the sockets and
 * the server, too.
 */
export const stuck: Suite = tunnelSuite({
  name: "stuck",
  pathMs: 100,
  metrics: [
    ...["1 stuck, MiB more", "1 stuck, MiB sent"],
    ...["100 stuck, MiB more", "100 stuck, MiB sent"],
  ],
  async measure({ pid, port }) {
    const before = pid === undefined ? NaN : residentBytes(pid);
    const measured: number[] = [];
    using stack = new DisposableStack();
    let sent = 0;
    for (let readers = 0; readers < 100;) {
      for (const upTo = readers === 0 ? 1 : 100; readers < upTo; readers++) {
        const conn = stack.use(await openLoad(port, Mode.stuck));
        sendAll(conn, (bytes) => sent += bytes);
      }
      for (let last = -1; last !== sent;) {
        last = sent;
        await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
      }
      const after = pid === undefined ? NaN : residentBytes(pid);
      measured.push((after - before) / mib, sent / mib);
    }
    return measured;
  },
});

/** Sends as much as is taken, until the connection is closed. */
async function sendAll(
  conn: Deno.Conn,
  onSent: (bytes: number) => void,
): Promise<void> {
  const bytes = new Uint8Array(64 * 1024);
  try {
    for (;;) onSent(await conn.write(bytes));
  } catch {
    // It was closed.
  }
}
