import { ReceiveWindow, type WindowOwner } from "./receive_window.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Limits of windows, in bytes. */
export const WindowLimits = {
  /** What every channel gets, however many there are. */
  channelMin: 64 * KIB,
  /** What one channel may have. */
  channelMax: 16 * MIB,
  /** What up to 256 channels of a connection share; each further one has its minimum in addition. */
  connection: 48 * MIB,
  /** The part of it that is reserved for the minimum of 256 channels. */
  reserved: 16 * MIB,
  /** The size on a short path, at first and beside other channels: more would only queue up in front of their data. */
  shortPath: 512 * KIB,
  /** What it may have there while no other channel receives anything. */
  alone: 2 * MIB,
  /** The same on a long path, or where it is not known; OpenSSH's size, too. */
  longPath: 2 * MIB,
} as const;

/** A path of a longer round trip than this, in milliseconds, is long: windows grow there. */
export const LONG_PATH_MS = 3;
/** After so many answers in a row that changed nothing, under load perhaps, ... */
const ENOUGH_ANSWERS = 3;
/** ... the peer is not asked again for so long, in milliseconds. */
const PAUSE_MS = 1000;
/** The same after a first one that was not answered, as another request was under way, perhaps. */
const SHORT_PAUSE_MS = 100;
/** A channel is alone when no other has received anything for so long, in milliseconds. */
const ALONE_MS = 1000;
/** A channel that starts, or grows, takes at most this part of what is left for all. */
const START_SHARE = 1 / 16;
const GROWTH_SHARE = 1 / 4;

/** Measures round trips. */
export interface PathProbe {
  /** The shortest round trip that was seen so far, in milliseconds; undefined before the first. */
  readonly roundTripMs: number | undefined;
  /** Measures one, in milliseconds; undefined if that is not possible now, or the peer does not answer. */
  measure(): Promise<number | undefined>;
}

/**
 * The receive windows of one connection, which share memory.
 *
 * On a short path, a window is small enough not to delay other channels. On a
 * long one it grows to twice what arrives there during the shortest round
 * trip seen: data that waits in line lengthens round trips, and must not call
 * for even more. Where the peer answers no questions, windows stay as they are.
 */
export class ReceiveWindows implements WindowOwner {
  readonly #path: PathProbe;
  readonly #now: () => number;
  #left: number = WindowLimits.connection;
  #isProbing = false;
  /** Answers in a row that changed nothing. */
  #unchanged = 0;
  #nextProbe = 0;
  /** The channel whose data came last. */
  #receiver: ReceiveWindow | undefined;
  /** When another channel received data before it. */
  #shared = -Infinity;

  /** @param now A clock, in milliseconds. */
  constructor(path: PathProbe, now: () => number = () => performance.now()) {
    this.#path = path;
    this.#now = now;
  }

  /** Bytes that no window takes; fewer than none where so many channels are open that their minimum is more than all. */
  get left(): number {
    return this.#left;
  }

  /** The window of a new channel; the caller closes it. */
  open(): ReceiveWindow {
    const { channelMin, shortPath, longPath } = WindowLimits;
    const wanted = this.#isLong() ? longPath : shortPath;
    const size = Math.max(
      channelMin,
      Math.min(wanted, this.#part(START_SHARE)),
    );
    this.#left -= size;
    return new ReceiveWindow(this, size);
  }

  onReleased(bytes: number): void {
    this.#left += bytes;
  }

  onReceived(window: ReceiveWindow): void {
    if (window === this.#receiver) return;
    const isOther = this.#receiver !== undefined && !this.#receiver.isClosed;
    if (isOther) this.#shared = this.#now();
    this.#receiver = window;
  }

  onPortion(window: ReceiveWindow): void {
    if (!this.#isLong()) this.#fitShortPath(window);
    if (this.#isProbing || this.#now() < this.#nextProbe) return;
    this.#probe(window);
  }

  async #probe(window: ReceiveWindow): Promise<void> {
    this.#isProbing = true;
    const before = window.received;
    const ms = await this.#path.measure();
    this.#isProbing = false;
    const grew = ms !== undefined && !window.isClosed &&
      this.#fitLongPath(window, (window.received - before) / ms);
    this.#unchanged = grew ? 0 : this.#unchanged + 1;
    if (ms === undefined) {
      const isFirst = this.#unchanged === 1;
      this.#nextProbe = this.#now() + (isFirst ? SHORT_PAUSE_MS : PAUSE_MS);
    } else if (this.#unchanged >= ENOUGH_ANSWERS) {
      this.#nextProbe = this.#now() + PAUSE_MS;
    }
  }

  #fitShortPath(window: ReceiveWindow): void {
    const isAlone = this.#now() - this.#shared > ALONE_MS;
    const { alone, shortPath } = WindowLimits;
    const size = isAlone ? alone : shortPath;
    if (size < window.size) return window.limit(size);
    const bytes = Math.min(size - window.size, this.#part(GROWTH_SHARE));
    if (bytes > 0 && window.isReadInTime) this.#enlarge(window, bytes);
  }

  /**
   * Fits a window to a long path.
   *
   * @param rate What arrives on the channel, in bytes a millisecond.
   * @returns whether it grew.
   */
  #fitLongPath(window: ReceiveWindow, rate: number): boolean {
    if (!this.#isLong() || !window.isReadInTime) return false;
    const { roundTripMs = 0 } = this.#path;
    const size = Math.min(
      2 * rate * roundTripMs,
      2 * window.size,
      WindowLimits.channelMax,
    );
    const bytes = Math.min(
      Math.floor(size - window.size),
      this.#part(GROWTH_SHARE),
    );
    // Not worth measuring for less.
    if (bytes < window.size / 8) return false;
    this.#enlarge(window, bytes);
    return true;
  }

  #enlarge(window: ReceiveWindow, bytes: number): void {
    this.#left -= bytes;
    window.grow(bytes);
  }

  /** So is one that is not known. */
  #isLong(): boolean {
    const { roundTripMs = Infinity } = this.#path;
    return roundTripMs > LONG_PATH_MS;
  }

  /** Of what is left beyond the reserve; negative where that is used up. */
  #part(share: number): number {
    return Math.floor((this.#left - WindowLimits.reserved) * share);
  }
}
