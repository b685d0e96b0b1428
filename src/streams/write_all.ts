/** Writes all of the bytes; a `Deno.Conn` or a file may take only some at a time. */
export async function writeAll(
  to: Pick<Deno.Conn, "write">,
  bytes: Uint8Array,
): Promise<void> {
  let written = await to.write(bytes);
  while (written < bytes.length) {
    written += await to.write(bytes.subarray(written));
  }
}

/** {@linkcode writeAll} without a promise. */
export function writeAllSync(
  to: { writeSync(bytes: Uint8Array): number },
  bytes: Uint8Array,
): void {
  for (let written = 0; written < bytes.length;) {
    written += to.writeSync(bytes.subarray(written));
  }
}
