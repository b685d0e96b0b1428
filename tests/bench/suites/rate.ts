import { Mode, openLoad, roundTrip } from "../load.ts";
import { cpuSeconds } from "../process_stat.ts";
import type { Suite } from "../suite.ts";
import { tunnelSuite } from "../tunnel_suite.ts";

/** How many are measured on a warm client, 16 at a time. */
const MANY = 1600;

/**
 * New connections: open, one byte there and back, close. First on a client that
 * has just started, then on one that has served some hundred.
 */
export const rate: Suite = tunnelSuite({
  name: "rate",
  metrics: [
    "1 at a time /s",
    "16 at a time /s",
    "warm 1 at a time /s",
    "warm 16 at a time /s",
    "CPU us each",
  ],
  async measure({ pid, port }) {
    const young = [
      await perSecond(port, 60, 1),
      await perSecond(port, 640, 16),
    ];
    const one = await perSecond(port, 200, 1);
    const cpuBefore = pid === undefined ? NaN : cpuSeconds(pid);
    const many = await perSecond(port, MANY, 16);
    const cpu = pid === undefined ? NaN : cpuSeconds(pid) - cpuBefore;
    return [...young, one, many, cpu * 1e6 / MANY];
  },
});

/** New connections per second. */
export async function perSecond(
  port: number,
  count: number,
  atATime: number,
): Promise<number> {
  let left = count;
  const one = async () => {
    while (left-- > 0) {
      using conn = await openLoad(port, Mode.echo);
      await roundTrip(conn, new Uint8Array(1));
    }
  };
  const before = performance.now();
  await Promise.all(Array.from({ length: atATime }, one));
  return count / (performance.now() - before) * 1000;
}
