import { Mode, openLoad, roundTrip } from "../load.ts";
import { cpuSeconds } from "../process_stat.ts";
import type { Suite } from "../suite.ts";
import { tunnelSuite } from "../tunnel_suite.ts";

const roundTrips = 1000;
const WARM_UPS = 5000;

/**
 * 64 bytes there and back over one connection, one after the other: when it is
 * young, and after thousands, when a client that compiles as it runs has done
 * so.
 */
export const latency: Suite = tunnelSuite({
  name: "latency",
  metrics: ["p50 us", "p99 us", "warm p50 us", "warm p99 us", "CPU us each"],
  async measure({ pid, port }) {
    using conn = await openLoad(port, Mode.echo);
    const bytes = new Uint8Array(64);
    const measured: number[] = [];
    let cpuBefore = NaN;
    for (const warmUps of [200, WARM_UPS]) {
      cpuBefore = pid === undefined ? NaN : cpuSeconds(pid);
      for (let i = 0; i < warmUps; i++) await roundTrip(conn, bytes);
      const times = new Float64Array(roundTrips);
      for (let i = 0; i < roundTrips; i++) {
        const before = performance.now();
        await roundTrip(conn, bytes);
        times[i] = (performance.now() - before) * 1000;
      }
      times.sort();
      for (const part of [0.5, 0.99]) {
        measured.push(times[roundTrips * part] ?? NaN);
      }
    }
    const cpu = pid === undefined ? NaN : cpuSeconds(pid) - cpuBefore;
    return [...measured, cpu * 1e6 / (WARM_UPS + roundTrips)];
  },
});
