import { writeAllSync } from "../../streams/write_all.ts";
/** Something to write to synchronously: `Deno.stderr`, an open file. */
export interface Output {
  /** Writes some of the bytes and returns how many. */
  writeSync(bytes: Uint8Array): number;
  /** Writes what it still holds, before the process stops. */
  flushSync?(): void;
}

const encoder = new TextEncoder();

/**
 * Writes a text, if possible. There is nowhere to report that the disk is full
 * or the terminal hung up, and the tunnels go on without the log.
 */
export function writeText(out: Output, text: string): void {
  writeBytes(out, encoder.encode(text));
}

/** {@linkcode writeText} for bytes. */
export function writeBytes(out: Output, bytes: Uint8Array): void {
  try {
    writeAllSync(out, bytes);
  } catch {
    // See above.
  }
}
