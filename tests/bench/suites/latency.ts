import { Mode, openLoad, roundTrip } from "../load.ts";
import type { Suite } from "../suite.ts";

const warmUps = 200;
const roundTrips = 1000;

/** 64 bytes there and back over one connection, one after the other. */
export const latency: Suite = {
  name: "latency",
  metrics: ["p50 us", "p99 us"],
  async measure({ port }) {
    using conn = await openLoad(port, Mode.echo);
    const bytes = new Uint8Array(64);
    for (let i = 0; i < warmUps; i++) await roundTrip(conn, bytes);
    const times = new Float64Array(roundTrips);
    for (let i = 0; i < roundTrips; i++) {
      const before = performance.now();
      await roundTrip(conn, bytes);
      times[i] = (performance.now() - before) * 1000;
    }
    times.sort();
    return [0.5, 0.99].map((part) => times[roundTrips * part] ?? NaN);
  },
};
