/** A chunk as it comes from the transport, and as streams hand it on. */
export type Chunk = Uint8Array<ArrayBuffer>;

/** Buffers have at least this size, ... */
const SMALLEST = 4 * 1024;
/** ... twice that of what was taken last, and at most this one; always a power of two, so that others can use them again. */
const LARGEST = 128 * 1024;
const EMPTY: Chunk = new Uint8Array();

/**
 * Buffers that wait to be filled again, for any channel, by their size: only
 * those that were not given away. At some 100 MB/s, collecting a new one for
 * each chunk costs a tenth of a processor.
 */
const spare = new Map<number, Chunk[]>();
for (let size = SMALLEST; size <= LARGEST; size *= 2) spare.set(size, []);
const MAX_SPARE = 16;

/**
 * Bytes that came in small pieces, to be taken in large ones: as chunks that
 * are given away, or lent, or by copying them; the latter two use the buffers
 * again.
 *
 * However small the pieces are, they take only their length in memory, plus
 * one buffer.
 */
export class GatheredBytes {
  /** Buffers that are full. */
  #full: Chunk[] = [];
  /** The buffer that comes after them, and how much of it is filled. */
  #buffer: Chunk = EMPTY;
  #filled = 0;
  /** How much of the first of them all was copied out, ... */
  #taken = 0;
  /** ... and how much of it after that is lent. */
  #lent = 0;
  #length = 0;
  #nextSize = SMALLEST;
  /** Whether they are copied out or lent: buffers are not given away then, and used again. */
  keepsBuffers = false;

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  /** Adds a copy of `data`. */
  push(data: Uint8Array): void {
    this.#length += data.length;
    for (let rest = data; rest.length > 0;) {
      if (this.#filled === this.#buffer.length) this.#startBuffer(rest.length);
      const part = rest.subarray(0, this.#buffer.length - this.#filled);
      this.#buffer.set(part, this.#filled);
      this.#filled += part.length;
      rest = rest.subarray(part.length);
    }
  }

  /** Removes the first buffer, or what is left of it. */
  takeChunk(): Chunk {
    const chunk = (this.#full.shift() ?? this.#takeFilled())
      .subarray(this.#taken);
    this.#taken = 0;
    this.#onTaken(chunk.length);
    return chunk;
  }

  /** Moves as many bytes into `room` as fit; returns how many. */
  copyTo(room: Uint8Array): number {
    this.keepsBuffers = true;
    let copied = 0;
    while (copied < room.length && copied < this.#length) {
      const first = this.#full[0] ?? this.#buffer.subarray(0, this.#filled);
      const end = this.#taken + room.length - copied;
      const part = first.subarray(this.#taken, end);
      room.set(part, copied);
      copied += part.length;
      this.#taken += part.length;
      if (this.#taken === first.length) this.#reuseFirst();
    }
    this.#onTaken(copied);
    return copied;
  }

  /** Lends the first buffer, or what is left of it, until {@linkcode takeBack}. */
  lend(): Chunk {
    this.keepsBuffers = true;
    const lent = (this.#full[0] ?? this.#buffer.subarray(0, this.#filled))
      .subarray(this.#taken);
    this.#lent = lent.length;
    this.#onTaken(lent.length);
    return lent;
  }

  /** Takes back what is lent. */
  takeBack(): void {
    if (this.#lent === 0) return;
    this.#taken += this.#lent;
    this.#lent = 0;
    const end = this.#full[0]?.length ?? this.#filled;
    if (this.#taken === end) this.#reuseFirst();
  }

  /** Throws them away; returns how many there were. What is lent stays valid. */
  clear(): number {
    const cleared = this.#length;
    this.#full = [];
    this.#dropBuffer();
    this.#taken = 0;
    this.#lent = 0;
    this.#length = 0;
    return cleared;
  }

  #onTaken(bytes: number): void {
    this.#length -= bytes;
    this.#nextSize = Math.min(Math.max(2 * bytes, SMALLEST), LARGEST);
  }

  #startBuffer(wanted: number): void {
    if (this.#filled > 0) this.#full.push(this.#buffer);
    const size = powerOfTwo(Math.max(wanted, this.#nextSize));
    const used = this.keepsBuffers ? spare.get(size)?.pop() : undefined;
    this.#buffer = used ?? new Uint8Array(size);
    this.#filled = 0;
  }

  /** The first buffer was read. */
  #reuseFirst(): void {
    this.#taken = 0;
    const full = this.#full.shift();
    const buffer = full ?? this.#buffer;
    if (!full) this.#dropBuffer();
    const spares = spare.get(buffer.length);
    if (spares && spares.length < MAX_SPARE) spares.push(buffer);
  }

  /** What is in the last buffer, which is given away with it unless most of it is empty, or others have used it. */
  #takeFilled(): Chunk {
    const filled = this.#buffer.subarray(0, this.#filled);
    const mostlyEmpty = 2 * filled.length < this.#buffer.length;
    this.#dropBuffer();
    return mostlyEmpty || this.keepsBuffers ? filled.slice() : filled;
  }

  #dropBuffer(): void {
    this.#buffer = EMPTY;
    this.#filled = 0;
  }
}

/** The smallest power of two that is not less. */
function powerOfTwo(size: number): number {
  return 1 << 32 - Math.clz32(size - 1);
}
