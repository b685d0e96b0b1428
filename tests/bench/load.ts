/**
 * The load: what is sent through a tunnel and how. A connection starts with
 * nine bytes, a {@linkcode Mode} and a length, so that one target (target.ts)
 * serves every measurement.
 */

import { SoundPlayer } from "./sound.ts";

/** What the target does with a connection. */
export const Mode = {
  /** Takes `length` bytes, then answers with one. */
  sink: 1,
  /** Sends `length` bytes. */
  source: 2,
  /** Sends back what it gets. */
  echo: 3,
  /** Plays what it gets until EOF, then answers with how many gaps it had and how long they were, in milliseconds (two float64). */
  sound: 4,
  /** Reads nothing for a minute. */
  stuck: 5,
} as const;

/** One of {@linkcode Mode}'s values. */
export type Mode = typeof Mode[keyof typeof Mode];

const headerBytes = 9;
const STUCK_MS = 60_000;
const bufferBytes = 256 * 1024;

/** Connects to `port` of 127.0.0.1 and instructs the target behind it. */
export async function openLoad(
  port: number,
  mode: Mode,
  length = 0,
): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  conn.setNoDelay(true);
  const header = new DataView(new ArrayBuffer(headerBytes));
  header.setUint8(0, mode);
  header.setBigUint64(1, BigInt(length));
  await writeAll(conn, new Uint8Array(header.buffer));
  return conn;
}

/** Does on the target's side what the connection's first bytes ask. */
export async function serveLoad(conn: Deno.TcpConn): Promise<void> {
  conn.setNoDelay(true);
  const header = new Uint8Array(headerBytes);
  await readAll(conn, header);
  const view = new DataView(header.buffer);
  const length = Number(view.getBigUint64(1));
  switch (view.getUint8(0)) {
    case Mode.sink:
      await receive(conn, length);
      await writeAll(conn, new Uint8Array(1));
      break;
    case Mode.source:
      await send(conn, length);
      break;
    case Mode.echo: {
      const buffer = new Uint8Array(bufferBytes);
      for (let n; (n = await conn.read(buffer)) !== null;) {
        await writeAll(conn, buffer.subarray(0, n));
      }
      break;
    }
    case Mode.sound:
      await play(conn);
      break;
    case Mode.stuck:
      await new Promise((resolve) => setTimeout(resolve, STUCK_MS));
      break;
    default:
      throw new Error("the load does not start with a mode");
  }
}

async function play(conn: Deno.Conn): Promise<void> {
  const player = new SoundPlayer();
  const buffer = new Uint8Array(bufferBytes);
  for (let n; (n = await conn.read(buffer)) !== null;) {
    player.add(n, performance.now());
  }
  const result = new DataView(new ArrayBuffer(16));
  result.setFloat64(0, player.gaps);
  result.setFloat64(8, player.silentMs);
  await writeAll(conn, new Uint8Array(result.buffer));
}

/** Writes `length` bytes. */
export async function send(conn: Deno.Conn, length: number): Promise<void> {
  const buffer = new Uint8Array(bufferBytes);
  for (let left = length; left > 0;) {
    left -= await conn.write(buffer.subarray(0, Math.min(left, bufferBytes)));
  }
}

/** Reads `length` bytes and forgets them. */
export async function receive(conn: Deno.Conn, length: number): Promise<void> {
  const buffer = new Uint8Array(bufferBytes);
  for (let left = length; left > 0;) {
    const n = await conn.read(buffer);
    if (n === null) throw new Error(`${left} of ${length} bytes are missing`);
    left -= n;
  }
}

/** One exchange: `bytes` there and back. */
export async function roundTrip(
  conn: Deno.Conn,
  bytes: Uint8Array,
): Promise<void> {
  await writeAll(conn, bytes);
  await readAll(conn, bytes);
}

/** Fills `buffer`. */
export async function readAll(
  conn: Deno.Conn,
  buffer: Uint8Array,
): Promise<void> {
  for (let filled = 0; filled < buffer.length;) {
    const n = await conn.read(buffer.subarray(filled));
    if (n === null) throw new Error("the connection ended too soon");
    filled += n;
  }
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) {
    sent += await conn.write(bytes.subarray(sent));
  }
}
