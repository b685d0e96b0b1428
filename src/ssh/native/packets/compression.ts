import { constants, createDeflate, createInflate } from "node:zlib";
import { ProtocolError } from "../../../errors.ts";

/** The largest decompressed message, in bytes: the limit of an uncompressed one, too. */
const MAX_MESSAGE = 256 * 1024;
const FIRST_BUFFER = 4 * 1024;
/** zlib's own default. */
const LEVEL = 6;

/**
 * The handle below node:zlib's streams. The streams are asynchronous, but
 * packets have to stay in order, so this uses the handle, as npm:ssh2 does.
 */
interface ZlibHandle {
  writeSync(
    flush: number,
    input: Uint8Array,
    inputStart: number,
    inputSize: number,
    output: Uint8Array,
    outputStart: number,
    outputSize: number,
  ): void;
  onerror: (message: string) => void;
}

interface ZlibStream {
  readonly _handle: ZlibHandle;
  /** Bytes of the output that are free, and of the input that are left. */
  readonly _writeState: Uint32Array;
  close(): void;
}

let supported: boolean | undefined;

/** Whether the runtime's node:zlib can compress packet by packet. */
export function isCompressionSupported(): boolean {
  return supported ??= probe();
}

function probe(): boolean {
  try {
    const compressor = new Compressor();
    const decompressor = new Decompressor();
    const message = new Uint8Array(100).fill(7);
    const works = [1, 2].every(() => {
      const round = decompressor.decompress(compressor.compress(message));
      return round.length === 100 && round.every((byte) => byte === 7);
    });
    compressor.close();
    decompressor.close();
    return works;
  } catch {
    return false;
  }
}

/** Compresses the messages of one direction (RFC 4253 section 6.2, `zlib`). */
export class Compressor {
  readonly #zlib = new SyncZlib(createDeflate({ level: LEVEL }));

  /** @returns the compressed message, valid until the next call. */
  compress(head: Uint8Array, body?: Uint8Array): Uint8Array {
    this.#zlib.begin();
    if (body) this.#zlib.write(head, constants.Z_NO_FLUSH, Infinity);
    this.#zlib.write(body ?? head, constants.Z_PARTIAL_FLUSH, Infinity);
    return this.#zlib.result();
  }

  /** Frees its memory. */
  close(): void {
    this.#zlib.close();
  }
}

/** Decompresses the messages of one direction, each up to the size limit of an uncompressed one. */
export class Decompressor {
  readonly #zlib = new SyncZlib(createInflate());

  /**
   * @returns the message, valid until the next call.
   * @throws {ProtocolError} if the data is invalid, or the message empty or too large.
   */
  decompress(message: Uint8Array): Uint8Array {
    this.#zlib.begin();
    this.#zlib.write(message, constants.Z_PARTIAL_FLUSH, MAX_MESSAGE);
    const result = this.#zlib.result();
    if (result.length > 0) return result;
    throw new ProtocolError("a compressed message is empty");
  }

  /** Frees its memory. */
  close(): void {
    this.#zlib.close();
  }
}

class SyncZlib {
  readonly #stream: ZlibStream;
  #output: Uint8Array = new Uint8Array(FIRST_BUFFER);
  #length = 0;
  #problem: string | undefined;

  constructor(stream: unknown) {
    this.#stream = stream as ZlibStream;
    this.#stream._handle.onerror = (message) => this.#problem = message;
  }

  begin(): void {
    this.#length = 0;
  }

  write(input: Uint8Array, flush: number, limit: number): void {
    const { _handle, _writeState } = this.#stream;
    let start = 0;
    for (;;) {
      const room = this.#output.length - this.#length;
      _handle.writeSync(
        flush,
        input,
        start,
        input.length - start,
        this.#output,
        this.#length,
        room,
      );
      if (this.#problem !== undefined) {
        throw new ProtocolError(`a compressed message: ${this.#problem}`);
      }
      const [free = 0, left = 0] = _writeState;
      start = input.length - left;
      this.#length += room - free;
      if (this.#length > limit) {
        throw new ProtocolError(
          `a compressed message has more than ${limit} bytes`,
        );
      }
      if (free > 0) return; // All output fitted.
      this.#grow();
    }
  }

  result(): Uint8Array {
    return this.#output.subarray(0, this.#length);
  }

  close(): void {
    this.#stream.close();
  }

  #grow(): void {
    const larger = new Uint8Array(2 * this.#output.length);
    larger.set(this.#output);
    this.#output = larger;
  }
}
