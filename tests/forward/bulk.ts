/** Data of random sizes both ways, with a checksum of each. */
import { assertEquals } from "../assert.ts";
import { THOROUGH } from "../thorough.ts";
import { receive, send, type Service, startService, visit } from "./rig.ts";

/** The largest size of one transfer, in bytes. */
const LARGEST = (THOROUGH ? 4 : 1) * 1024 * 1024;

/** Random bytes that all transfers are cut from. */
const block = new Uint8Array(2 * LARGEST);
for (let at = 0; at < block.length; at += 65536) {
  crypto.getRandomValues(block.subarray(at, at + 65536));
}

/** Reads until EOF, then answers with the digest of what it received and with data that the digest selects. */
export function startBulkService(): Service {
  return startService(async (conn) => {
    const digest = await sha256(await receive(conn));
    await send(conn, digest);
    await send(conn, answerTo(digest));
    await conn.closeWrite();
  });
}

/** Sends a random piece, ends, and checks the answer. */
export async function exchange(port: number): Promise<void> {
  const [at = 0, size = 0] = crypto.getRandomValues(new Uint32Array(2));
  const piece = block.subarray(at % LARGEST).subarray(0, size % LARGEST);
  using conn = await visit(port);
  const say = async () => {
    await send(conn, piece);
    await conn.closeWrite();
  };
  const [received] = await Promise.all([receive(conn), say()]);
  const digest = await sha256(piece);
  assertEquals(hex(received.subarray(0, 32)), hex(digest), "there");
  assertEquals(
    hex(await sha256(received.subarray(32))),
    hex(await sha256(answerTo(digest))),
    "back",
  );
}

function answerTo(digest: Uint8Array): Uint8Array<ArrayBuffer> {
  const view = new DataView(digest.buffer, digest.byteOffset);
  return block.subarray(view.getUint32(0) % LARGEST)
    .subarray(0, view.getUint32(4) % LARGEST);
}

async function sha256(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}

function hex(data: Uint8Array): string {
  return data.toHex();
}
