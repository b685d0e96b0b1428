/** What the tests do with sockets. */
import { createHash } from "node:crypto";
import { assertEquals } from "../assert.ts";

/** Reads to the end. */
export async function readAll(
  conn: Deno.Conn,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const buffer = new Uint8Array(64 * 1024);
  for (let n; (n = await conn.read(buffer)) !== null;) {
    chunks.push(buffer.slice(0, n));
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** Writes all, then ends this direction. */
export async function writeAndEnd(
  conn: Deno.Conn,
  bytes: Uint8Array,
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await conn.write(bytes.subarray(done));
  }
  await conn.closeWrite();
}

/** Random bytes: a piece that is lost, doubled or misplaced shows. */
export function noise(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65536));
  }
  return bytes;
}

/** Fails unless both are the same, without printing megabytes. */
export function assertSameBytes(
  actual: Uint8Array,
  expected: Uint8Array,
): void {
  assertEquals(actual.length, expected.length);
  assertEquals(digest(actual), digest(expected));
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
