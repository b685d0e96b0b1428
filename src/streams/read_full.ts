/** Reads until the buffer is full or the bytes end; returns how many were read. */
export async function readFull(
  from: Pick<Deno.Conn, "read">,
  buffer: Uint8Array,
): Promise<number> {
  let done = 0;
  while (done < buffer.length) {
    const n = await from.read(buffer.subarray(done));
    if (n === null) break;
    done += n;
  }
  return done;
}
