import { writeAllSync } from "../../streams/write_all.ts";
/** What can be written to synchronously: `Deno.stderr`, an open file. */
export interface Output {
  /** Writes some of the bytes and says how many. */
  writeSync(bytes: Uint8Array): number;
}

const encoder = new TextEncoder();

/**
 * Writes all of a text, if possible. There is nowhere to report that the log is
 * full or that the terminal hung up, and the tunnels go on without it.
 */
export function writeText(out: Output, text: string): void {
  try {
    writeAllSync(out, encoder.encode(text));
  } catch {
    // See above.
  }
}
