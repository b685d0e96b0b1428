/** Window is given back in portions of this part of it, ... */
const PORTIONS = 8;
/** ... which are neither smaller nor larger than this, in bytes. */
const SMALLEST_PORTION = 32 * 1024;
const LARGEST_PORTION = 256 * 1024;

/** Lends windows their memory. */
export interface WindowOwner {
  /** Called when data came in. */
  onReceived(window: ReceiveWindow): void;
  /** Called when a portion is given back to the peer: data flows. */
  onPortion(window: ReceiveWindow): void;
  /** Called when a window became smaller, or was closed with so many bytes. */
  onReleased(bytes: number): void;
}

/**
 * What the peer may send on one channel (RFC 4254 section 5.2). Each byte of
 * the window's size is in one of three places: the peer may still send it, it
 * has come and was not read, or it was read and not given back yet.
 */
export class ReceiveWindow {
  /** Bytes that came in so far. */
  received = 0;

  readonly #owner: WindowOwner;
  /** What it falls back to while its reader lags. */
  #base: number;
  #size: number;
  #open: number;
  #unreturned = 0;
  #isTooLarge = false;
  #closed = false;

  /**
   * @param size The size that it has at first, in bytes.
   */
  constructor(owner: WindowOwner, size: number) {
    this.#owner = owner;
    this.#base = size;
    this.#size = size;
    this.#open = size;
  }

  /** Bytes that may be on their way or unread here. */
  get size(): number {
    return this.#size;
  }

  /** Bytes that the peer may still send. */
  get open(): number {
    return this.#open;
  }

  /** Bytes that came in and were not read. */
  get unread(): number {
    return this.#size - this.#open - this.#unreturned;
  }

  /** Whether more is read than comes in, so that a larger window would be used. */
  get isReadInTime(): boolean {
    return this.unread <= this.#size / 4;
  }

  /**
   * Bytes came in.
   *
   * @returns by how many they exceed the window.
   */
  take(bytes: number): number {
    this.received += bytes;
    this.#open -= bytes;
    this.#owner.onReceived(this);
    return Math.max(-this.#open, 0);
  }

  /**
   * Bytes were read. A window that is too large shrinks with that, as its peer
   * cannot be asked to return what it was granted.
   *
   * @returns whether it is time to give back what {@linkcode takeUnreturned} returns.
   */
  onRead(bytes: number): boolean {
    if (this.#closed) return false; // all of it was released
    this.#unreturned += bytes;
    const lags = this.unread > this.#size / 2;
    if (lags || this.#isTooLarge) this.#shrink(Math.floor(bytes / 2));
    return this.#unreturned >= this.#portion;
  }

  /** Opens the window again for what was read; returns for how many bytes. */
  takeUnreturned(): number {
    const bytes = this.#unreturned;
    this.#unreturned = 0;
    this.#open += bytes;
    if (bytes >= this.#portion) this.#owner.onPortion(this);
    return bytes;
  }

  /** Enlarges it; the peer learns of it with what is given back next. */
  grow(bytes: number): void {
    this.#isTooLarge = false;
    this.#size += bytes;
    this.#unreturned += bytes;
  }

  /** Shrinks it to `bytes`, if it is larger. */
  limit(bytes: number): void {
    this.#base = Math.min(this.#base, bytes);
    this.#isTooLarge = bytes < this.#size;
  }

  /** The channel is closed. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#owner.onReleased(this.#size);
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  get #portion(): number {
    return Math.min(
      Math.max(this.#size / PORTIONS, SMALLEST_PORTION),
      LARGEST_PORTION,
    );
  }

  #shrink(most: number): void {
    const bytes = Math.min(most, this.#size - this.#base);
    this.#size -= bytes;
    this.#unreturned -= bytes;
    if (this.#size === this.#base) this.#isTooLarge = false;
    this.#owner.onReleased(bytes);
  }
}
