/** What carries an SSH connection: a `Deno.Conn`, or what is shaped like one. */
export interface ByteStream {
  /** Reads into `p`; null at the end. */
  read(p: Uint8Array): Promise<number | null>;
  /** Writes some of `p`; returns how much. */
  write(p: Uint8Array): Promise<number>;
  /** Ends the writing side. */
  closeWrite(): Promise<void>;
  /** Closes both sides; a promise settles when that is done. */
  close(): void | Promise<void>;
}
