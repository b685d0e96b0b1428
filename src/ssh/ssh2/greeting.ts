import { Buffer } from "node:buffer";

/** Most bytes before the first packet; real servers send a few lines at most. */
const MAX_SIZE = 16 * 1024;

/**
 * What the other side says before the first packet: lines of text, if it
 * likes, then its identification, `SSH-2.0-…` (RFC 4253 section 4.2).
 *
 * It is held back until it is whole, because ssh2 loses the middle of a line
 * that comes in more than two pieces, and never ends a server that goes on
 * saying lines.
 */
export class Greeting {
  #said: Uint8Array = new Uint8Array();
  #whole = false;

  /** The first line of it, as far as it has come. */
  get firstLine(): string {
    const text = new TextDecoder().decode(this.#said.subarray(0, 255));
    return text.split("\n")[0]!;
  }

  /**
   * Reads the next bytes.
   *
   * @returns what ssh2 may see now.
   * @throws {Error} if it is too long.
   */
  take(bytes: Uint8Array): Uint8Array | undefined {
    if (this.#whole) return bytes;
    this.#said = Buffer.concat([this.#said, bytes]);
    this.#whole = identifies(this.#said);
    if (this.#whole) return this.#said;
    if (this.#said.length <= MAX_SIZE) return;
    throw new Error(`no SSH identification within ${MAX_SIZE} bytes`);
  }
}

/** Whether a whole line begins with `SSH-`. */
function identifies(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return /^SSH-[^\n]*\n/m.test(text.toString("latin1"));
}
