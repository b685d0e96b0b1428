import { FileTooLargeError, MAX_FILE_BYTES } from "./read_file.ts";

/** How much is read at a time, in bytes. */
const CHUNK = 64 * 1024;

/**
 * Reads the lines of a text file of any size, without keeping them.
 *
 * @param maxLength How many characters a line may have.
 * @param maxBytes How large the file may be.
 * @returns for each piece that was read, the lines that ended in it, in order;
 * undefined in place of a line that is too long.
 * @throws {FileTooLargeError}
 */
export async function* readLines(
  path: string,
  maxLength: number,
  maxBytes: number = MAX_FILE_BYTES,
): AsyncGenerator<(string | undefined)[]> {
  using file = await Deno.open(path);
  const buffer = new Uint8Array(CHUNK);
  const decoder = new TextDecoder();
  let rest: string | undefined = "";
  const limited = (line: string) => line.length > maxLength ? undefined : line;
  const joined = (end: string) =>
    rest === undefined ? undefined : limited(rest + end);
  let bytes = 0;
  for (let size; (size = await file.read(buffer)) !== null;) {
    bytes += size;
    if (bytes > maxBytes) throw new FileTooLargeError(maxBytes);
    const [first = "", ...others] = decoder
      .decode(buffer.subarray(0, size), { stream: true }).split("\n");
    const begun = others.pop();
    if (begun === undefined) {
      rest = joined(first);
      yield []; // so that the caller can stop
      continue;
    }
    const lines = [joined(first), ...others.map(limited)];
    rest = begun;
    yield lines;
  }
  yield [joined(decoder.decode())];
}
