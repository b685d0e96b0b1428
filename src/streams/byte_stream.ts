/** A two-way stream that is read and written with buffers: the part of a `Deno.Conn` that carries an SSH connection. */
export interface ByteStream
  extends Pick<Deno.Conn, "read" | "write" | "closeWrite"> {
  /** Closes both sides; a promise settles when that is done. */
  close(): void | Promise<void>;
}
