import { Mode, openLoad, readAll, receive, send } from "../load.ts";
import { cpuSeconds } from "../process_stat.ts";
import type { Suite } from "../suite.ts";
import { tunnelSuite } from "../tunnel_suite.ts";

/** One large transfer each way. */
export const throughput: Suite = tunnelSuite({
  name: "throughput",
  metrics: [
    "from the server, Gbit/s",
    "to the server, Gbit/s",
    "from the server, CPU s/Gbit",
    "to the server, CPU s/Gbit",
  ],
  async measure({ pid, port }, { mib }) {
    const bytes = mib * 1024 * 1024;
    const fromServer = await timed(pid, bytes, async () => {
      using conn = await openLoad(port, Mode.sink, bytes);
      await send(conn, bytes);
      await readAll(conn, new Uint8Array(1));
    });
    const toServer = await timed(pid, bytes, async () => {
      using conn = await openLoad(port, Mode.source, bytes);
      await receive(conn, bytes);
    });
    return [fromServer.rate, toServer.rate, fromServer.cpu, toServer.cpu];
  },
});

async function timed(
  pid: number | undefined,
  bytes: number,
  transfer: () => Promise<void>,
): Promise<{ rate: number; cpu: number }> {
  const gigabits = bytes * 8 / 1e9;
  const cpuUsed = () => pid === undefined ? NaN : cpuSeconds(pid);
  const cpuBefore = cpuUsed();
  const before = performance.now();
  await transfer();
  const seconds = (performance.now() - before) / 1000;
  return {
    rate: gigabits / seconds,
    cpu: (cpuUsed() - cpuBefore) / gigabits,
  };
}
