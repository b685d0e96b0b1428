const MIB = 1024 * 1024;

/**
 * How large files may be that hold lines of keys or settings, in bytes. There
 * are devices that never end.
 */
export const MAX_FILE_BYTES: number = 256 * MIB;

/**
 * Reads a file, unless it is too large.
 *
 * @param maxBytes How large it may be.
 * @throws {FileTooLargeError}
 * @throws what Deno.open() and its read() throw.
 */
export async function readFile(
  path: string | URL,
  maxBytes: number = MAX_FILE_BYTES,
): Promise<Uint8Array<ArrayBuffer>> {
  using file = await Deno.open(path);
  const { size } = await file.stat();
  // A byte more than there is: the read that finds the end needs room, too.
  let bytes = new Uint8Array(Math.min(size, maxBytes) + 1);
  let length = 0;
  for (let n; (n = await file.read(bytes.subarray(length))) !== null;) {
    length += n;
    if (length > maxBytes) throw new FileTooLargeError(maxBytes);
    if (length < bytes.length) continue;
    const larger = new Uint8Array(Math.min(2 * length + 4096, maxBytes + 1));
    larger.set(bytes);
    bytes = larger;
  }
  return bytes.subarray(0, length);
}

/** Reads a text file in UTF-8, unless it is too large; a byte order mark is left out. */
export async function readTextFile(
  path: string | URL,
  maxBytes?: number,
): Promise<string> {
  return new TextDecoder().decode(await readFile(path, maxBytes));
}

/** Thrown for a file that is larger than it may be. */
export class FileTooLargeError extends Error {
  override name = "FileTooLargeError";

  constructor(maxBytes: number) {
    super(`it has more than ${maxBytes / MIB} MiB`);
  }
}
