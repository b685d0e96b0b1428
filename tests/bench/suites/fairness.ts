import { Mode, openLoad, roundTrip } from "../load.ts";
import type { Suite } from "../suite.ts";
import { tunnelSuite } from "../tunnel_suite.ts";

/** How long bulk runs before echoes count, and for how long they do, in milliseconds. */
const WARM_UP_MS = 500;
const MEASURED_MS = 2500;

/** 64 bytes there and back beside bulk on another connection through the same client, which runs as fast as it can. */
export const fairness: Suite = tunnelSuite({
  name: "fairness",
  metrics: [
    "bulk from the server, echo p50 ms",
    "bulk from the server, echo p95 ms",
    "bulk from the server, Gbit/s",
    "bulk to the server, echo p50 ms",
    "bulk to the server, echo p95 ms",
    "bulk to the server, Gbit/s",
  ],
  async measure({ port }) {
    return [
      ...await echoBeside(port, bulkFromServer),
      ...await echoBeside(port, bulkToServer),
    ];
  },
});

/** Moves bytes until the signal aborts, and counts them. */
type Bulk = (port: number, signal: AbortSignal) => Promise<number>;

async function echoBeside(port: number, bulk: Bulk): Promise<number[]> {
  using echo = await openLoad(port, Mode.echo);
  const bytes = new Uint8Array(64);
  await roundTrip(echo, bytes);
  const started = performance.now();
  const stop = new AbortController();
  const moving = bulk(port, stop.signal);
  const times: number[] = [];
  for (let passed = 0; passed < WARM_UP_MS + MEASURED_MS;) {
    const before = performance.now();
    await roundTrip(echo, bytes);
    const now = performance.now();
    passed = now - started;
    if (passed > WARM_UP_MS) times.push(now - before);
  }
  stop.abort();
  const moved = await moving;
  const seconds = (performance.now() - started) / 1000;
  times.sort((a, b) => a - b);
  const part = (share: number) =>
    times[Math.floor(times.length * share)] ?? NaN;
  return [part(0.5), part(0.95), moved * 8 / 1e9 / seconds];
}

/** More than any client moves meanwhile, in bytes. */
const ENDLESS = 2 ** 40;

/** Sends through the server as fast as it goes, until the signal aborts; returns how many bytes. */
export async function bulkFromServer(
  port: number,
  signal: AbortSignal,
): Promise<number> {
  using conn = await openLoad(port, Mode.sink, ENDLESS);
  const buffer = new Uint8Array(256 * 1024);
  let moved = 0;
  while (!signal.aborted) moved += await conn.write(buffer);
  return moved;
}

/** Receives through the server as fast as it goes, until the signal aborts; returns how many bytes. */
export async function bulkToServer(
  port: number,
  signal: AbortSignal,
): Promise<number> {
  using conn = await openLoad(port, Mode.source, ENDLESS);
  const buffer = new Uint8Array(256 * 1024);
  let moved = 0;
  while (!signal.aborted) moved += await conn.read(buffer) ?? 0;
  return moved;
}
