import type { ByteStream } from "../../../../src/streams/byte_stream.ts";

/** Bytes that are on their way at most. */
const CAPACITY = 256 * 1024;

/** One direction of a connection in memory. */
class Pipe {
  /** Bytes that were written in all. */
  written = 0;
  #chunks: Uint8Array[] = [];
  #length = 0;
  #ended = false;
  #changed = Promise.withResolvers<void>();

  async read(p: Uint8Array): Promise<number | null> {
    while (this.#length === 0) {
      if (this.#ended) return null;
      await this.#changed.promise;
    }
    const [first] = this.#chunks as [Uint8Array];
    const part = first.subarray(0, p.length);
    p.set(part);
    if (part.length === first.length) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(part.length);
    this.#length -= part.length;
    this.#change();
    return part.length;
  }

  async write(p: Uint8Array): Promise<number> {
    while (this.#length >= CAPACITY && !this.#ended) {
      await this.#changed.promise;
    }
    if (this.#ended) throw new Deno.errors.BrokenPipe("the pipe was closed");
    const part = p.slice(0, CAPACITY - this.#length);
    this.#chunks.push(part);
    this.#length += part.length;
    this.written += part.length;
    this.#change();
    return part.length;
  }

  end(): void {
    this.#ended = true;
    this.#change();
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** One end of a connection in memory. */
export interface StreamEnd extends ByteStream {
  /** What was written at the other end. */
  readonly incoming: { readonly written: number };
}

/** Both ends of a connection in memory, which holds a little and then has writers wait. */
export function streamPair(): [StreamEnd, StreamEnd] {
  const [there, back] = [new Pipe(), new Pipe()];
  const end = (incoming: Pipe, outgoing: Pipe): StreamEnd => ({
    incoming,
    read: (p) => incoming.read(p),
    write: (p) => outgoing.write(p),
    closeWrite: () => Promise.resolve(outgoing.end()),
    close() {
      incoming.end();
      outgoing.end();
    },
  });
  return [end(back, there), end(there, back)];
}
