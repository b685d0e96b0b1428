import { Mode, openLoad, readAll } from "../load.ts";
import { SOUND_RATE } from "../sound.ts";
import type { Suite } from "../suite.ts";
import { tunnelSuite } from "../tunnel_suite.ts";
import { bulkFromServer, bulkToServer } from "./fairness.ts";

const PLAYED_MS = 5000;
/** A piece of sound is sent at this interval, in milliseconds. */
const PIECE_MS = 10;

/** Sound from the server with a buffer of 50 ms on this side, beside bulk: how often the buffer runs dry, and for how long in all. */
export const sound: Suite = tunnelSuite({
  name: "sound",
  metrics: [
    "bulk from the server, gaps in 5 s",
    "bulk from the server, ms silent",
    "bulk to the server, gaps in 5 s",
    "bulk to the server, ms silent",
  ],
  async measure({ port }) {
    return [
      ...await playBeside(port, bulkFromServer),
      ...await playBeside(port, bulkToServer),
    ];
  },
});

async function playBeside(
  port: number,
  bulk: typeof bulkFromServer,
): Promise<number[]> {
  using conn = await openLoad(port, Mode.sound);
  const stop = new AbortController();
  const moving = bulk(port, stop.signal);
  const piece = new Uint8Array(SOUND_RATE * PIECE_MS);
  const started = performance.now();
  for (let due = 0; due < PLAYED_MS; due += PIECE_MS) {
    const early = started + due - performance.now();
    if (early > 0) await new Promise((done) => setTimeout(done, early));
    for (let rest = piece; rest.length > 0;) {
      rest = rest.subarray(await conn.write(rest));
    }
  }
  await conn.closeWrite();
  const result = new Uint8Array(16);
  await readAll(conn, result);
  stop.abort();
  await moving;
  const view = new DataView(result.buffer);
  return [view.getFloat64(0), view.getFloat64(8)];
}
