import { Mode, openLoad, roundTrip } from "../load.ts";
import { residentBytes } from "../process_stat.ts";
import type { Suite } from "../suite.ts";
import { tunnelSuite } from "../tunnel_suite.ts";

const mib = 2 ** 20;
/** Connections that are opened at a time: ssh and sshd look at all that there are in each turn. */
const AT_A_TIME = 50;

/**
 * Resident memory of the client with many connections that have carried one
 * byte and are now idle; in the end each of them has to carry another.
 */
export const memory: Suite = tunnelSuite({
  name: "memory",
  metrics: [
    "start MiB",
    ...["1000 idle MiB", "KiB each"],
    ...["4000 idle MiB", "KiB each of 4000"],
    "of them alive",
  ],
  async measure({ pid, port }) {
    if (pid === undefined) return Array(6).fill(NaN);
    const before = residentBytes(pid);
    const measured = [before / mib];
    using stack = new DisposableStack();
    const conns: Deno.Conn[] = [];
    for (const count of [1000, 4000]) {
      while (conns.length < count) {
        await Promise.all(Array.from({ length: AT_A_TIME }, async () => {
          const conn = stack.use(await openLoad(port, Mode.echo));
          conns.push(conn);
          await roundTrip(conn, new Uint8Array(1));
        }));
      }
      const after = residentBytes(pid);
      measured.push(after / mib, (after - before) / 1024 / count);
    }
    const answered = await Promise.allSettled(
      conns.map((conn) => roundTrip(conn, new Uint8Array(1))),
    );
    const alive = answered.filter(({ status }) => status === "fulfilled");
    return [...measured, alive.length];
  },
});
