import type { GlobalRequests } from "./global_requests.ts";
import { LONG_PATH_MS } from "./receive_windows.ts";

const KIB = 1024;
/** What a channel keeps on its way on a short path while others send, too, in bytes: more would only wait in line before their data. */
const SHARED = 512 * KIB;
/** Only a peer that gives window back in portions of this size keeps data flowing with so little, in bytes. */
const LARGEST_PORTION = SHARED / 2;
/** After this time without a portion the limit may be too low for the peer, in milliseconds: it is doubled, ... */
const PATIENCE_MS = 100;
/** ... and halved again after so many portions. */
const ENOUGH_PORTIONS = 1000;
/** Channels share while one has sent something this recently after another, in milliseconds. */
const SHARED_MS = 1000;

/** Whether several channels of a connection are sending. */
export class SharedSending {
  readonly #path: Pick<GlobalRequests, "roundTripMs" | "sample">;
  readonly #now: () => number;
  #sender: SendWindow | undefined;
  /** When another channel had sent before it. */
  #shared = -Infinity;

  /** @param now A clock, in milliseconds. */
  constructor(
    path: Pick<GlobalRequests, "roundTripMs" | "sample">,
    now: () => number = () => performance.now(),
  ) {
    this.#path = path;
    this.#now = now;
  }

  /** A channel sends something. */
  onSend(window: SendWindow): void {
    if (window === this.#sender) return;
    if (this.#sender && !this.#sender.isClosed) {
      this.#shared = this.#now();
      this.#path.sample();
    }
    this.#sender = window;
  }

  /** Whether one channel's data should be kept from delaying another's: not on a long path, or one that is not known. */
  get isLimited(): boolean {
    if (this.#shared === -Infinity) return false; // as often, and without a look at the clock
    const { roundTripMs = Infinity } = this.#path;
    return roundTripMs <= LONG_PATH_MS &&
      this.#now() - this.#shared <= SHARED_MS;
  }
}

/**
 * What we may send on one channel (RFC 4254 section 5.2): what the peer allows,
 * or less while other channels send, too.
 */
export class SendWindow {
  readonly #sharing: SharedSending | undefined;
  readonly #wake: () => void;
  /** What the peer still takes, ... */
  #open: number;
  /** ... and took at most. */
  #size: number;
  /** The least that it gave back at once: it may be more if the peer is busy. */
  #portion = Infinity;
  /** What is kept on its way while others send. */
  #limit = SHARED;
  /** How many portions came since the limit was changed. */
  #portions = 0;
  #isAwaited = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  /**
   * @param size What the peer takes at first, in bytes.
   * @param wake Called when a writer that waits may look again.
   */
  constructor(
    size: number,
    wake: () => void,
    sharing: SharedSending | undefined,
  ) {
    this.#open = size;
    this.#size = size;
    this.#wake = wake;
    this.#sharing = sharing;
  }

  /** Bytes that may be sent now. */
  get room(): number {
    const held = this.#size - this.#limit;
    return held > 0 && this.#isLimited
      ? Math.max(this.#open - held, 0)
      : this.#open;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Bytes are sent. */
  take(bytes: number): void {
    this.#sharing?.onSend(this);
    this.#open -= bytes;
  }

  /** WINDOW_ADJUST */
  adjust(bytes: number): void {
    this.#open = Math.min(this.#open + bytes, 2 ** 32 - 1);
    this.#size = Math.max(this.#size, this.#open);
    this.#portion = Math.min(this.#portion, bytes);
    if (++this.#portions >= ENOUGH_PORTIONS) {
      this.#setLimit(Math.max(this.#limit / 2, SHARED));
    }
    // Otherwise the writer waits for the transport alone.
    if (this.#isAwaited) this.#look();
  }

  /** A writer waits for {@linkcode room}. */
  wait(): void {
    this.#isAwaited = true;
    this.#timer ??= this.#startTimer();
  }

  /** The channel is closed. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #look(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.room > 0) {
      this.#isAwaited = false;
      this.#wake();
    } else this.#timer = this.#startTimer();
  }

  /** Only the limit needs one: the peer opens its window when it can. */
  #startTimer(): ReturnType<typeof setTimeout> | undefined {
    if (this.#open === 0 || this.#isClosed) return undefined;
    return setTimeout(() => {
      this.#setLimit(2 * this.#limit);
      this.#look();
    }, PATIENCE_MS);
  }

  #setLimit(bytes: number): void {
    this.#limit = bytes;
    this.#portions = 0;
  }

  get #isLimited(): boolean {
    return this.#portion <= LARGEST_PORTION &&
      this.#sharing !== undefined && this.#sharing.isLimited;
  }
}
