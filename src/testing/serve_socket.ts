import { closeQuietly } from "../sockets/close_quietly.ts";
import { writeAll } from "../streams/write_all.ts";
import { onAbort } from "../abort.ts";
import type { ServedChannel } from "./served_channel.ts";

/** Bytes that are read from a socket at once: what fits into one SSH packet. */
const READ_SIZE = 32 * 1024;

/**
 * Carries bytes between a channel and a socket of this machine, each way until
 * its own end, then closes both. An error of one, or its closing, ends both.
 */
export async function serveSocket(
  channel: ServedChannel,
  conn: Deno.Conn,
): Promise<void> {
  setNoDelay(conn);
  const end = () => {
    channel.close();
    closeQuietly(conn);
  };
  const receiving = receive(channel, conn).catch(end);
  const sending = send(conn, channel).catch(end);
  onAbort(channel.cut, end);
  // What the client sent before it closed the channel is still written.
  onAbort(channel.signal, () => receiving.then(end));
  await Promise.all([receiving, sending]);
  end();
}

/** Turns Nagle's algorithm off, for a socket that has it. */
export function setNoDelay(conn: Deno.Conn): void {
  try {
    if ("setNoDelay" in conn) (conn as Deno.TcpConn).setNoDelay();
  } catch {
    // The other side is gone already (macOS says so here): reading will show.
  }
}

async function receive(channel: ServedChannel, conn: Deno.Conn): Promise<void> {
  for await (const chunk of channel.readable) await writeAll(conn, chunk);
  await conn.closeWrite();
}

async function send(conn: Deno.Conn, channel: ServedChannel): Promise<void> {
  const buffer = new Uint8Array(READ_SIZE);
  for (let n; (n = await conn.read(buffer)) !== null;) {
    await channel.write(buffer.subarray(0, n));
  }
  channel.eof();
}
