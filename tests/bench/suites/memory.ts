import { Mode, openLoad, roundTrip } from "../load.ts";
import { residentBytes } from "../process_stat.ts";
import type { Suite } from "../suite.ts";
import { tunnelSuite } from "../tunnel_suite.ts";

const connections = 1000;
const mib = 1024 * 1024;

/** Resident memory of the client with many connections that have carried one byte and are now idle. */
export const memory: Suite = tunnelSuite({
  name: "memory",
  metrics: ["start MiB", `${connections} idle MiB`, "KiB each"],
  async measure({ pid, port }) {
    if (pid === undefined) return [NaN, NaN, NaN];
    const before = residentBytes(pid);
    using stack = new DisposableStack();
    for (let i = 0; i < connections; i++) {
      const conn = stack.use(await openLoad(port, Mode.echo));
      await roundTrip(conn, new Uint8Array(1));
    }
    const after = residentBytes(pid);
    return [before / mib, after / mib, (after - before) / 1024 / connections];
  },
});
