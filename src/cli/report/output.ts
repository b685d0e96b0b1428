import { writeAllSync } from "../../streams/write_all.ts";
/** Something to write to synchronously: `Deno.stderr`, an open file. */
export interface Output {
  /** Writes some of the bytes and returns how many. */
  writeSync(bytes: Uint8Array): number;
}

const encoder = new TextEncoder();

/**
 * Writes a text, if possible. There is nowhere to report that the disk is full
 * or the terminal hung up, and the tunnels go on without the log.
 */
export function writeText(out: Output, text: string): void {
  try {
    writeAllSync(out, encoder.encode(text));
  } catch {
    // See above.
  }
}
