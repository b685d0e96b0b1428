import { RForwardError } from "../../errors.ts";
import {
  type ByteSink,
  type ByteSource,
  directSink,
  directSource,
  takeSource,
} from "../../streams/direct.ts";
import type { Duplex } from "../../streams/duplex.ts";
import { SocketEnd } from "../../streams/socket_end.ts";
import { StreamSink } from "../../streams/stream_sink.ts";
import { StreamSource } from "../../streams/stream_source.ts";

/** How many bytes went each way. */
export interface RelayResult {
  /** From `a` to `b`. */
  bytesToB: number;
  /** From `b` to `a`. */
  bytesToA: number;
}

/** How long a side that takes no more may send nothing until both directions end, in milliseconds. */
const IDLE_MS = 250;
/** How long a socket that has been sent everything may continue to send at most, in milliseconds, ... */
const DROP_MS = 2000;
/** ... longer for what its target may not have taken yet, at so many bytes a millisecond: a slow target takes more, ... */
const SLOW_RATE = 100;
/** ... and Linux by default holds no more bytes that are still to be sent, ... */
const MOST_UNSENT = 4 * 1024 * 1024;
/** ... and how long it waits between two reads: an endless download costs no processor time. */
const DROP_PAUSE_MS = 10;

/** What a relay needs of one side. */
interface End {
  readonly source: ByteSource;
  readonly sink: ByteSink;
}

function endOf(end: Duplex | Deno.Conn): End {
  // Of Deno's own two streams, the first to end closes the other.
  if ("closeWrite" in end && !(takeSource in end)) {
    const socket = new SocketEnd(end);
    return { source: socket, sink: socket };
  }
  return {
    source: directSource(end) ?? new StreamSource(end.readable),
    sink: directSink(end) ?? new StreamSink(end.writable),
  };
}

function stop({ source, sink }: End, reason: unknown): void {
  source.cancel(reason);
  sink.abort(reason);
}

/** Whether this side has closed the whole SSH connection: nothing is to be waited for. */
function isClosedHere(reason: unknown): boolean {
  return reason instanceof RForwardError && reason.code === "connection-closed";
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** One direction. */
class Direction {
  /** Bytes that its sink has taken. */
  bytes = 0;
  /** Whether its source has nothing to read at the moment. */
  isWaiting = false;
  /** Why its sink takes no more; what is read for it is dropped. */
  shut: { readonly reason: unknown } | undefined;
  isDone = false;
  /** Ends both directions, unless its source has something before. */
  idleTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly source: ByteSource, readonly sink: ByteSink) {}
}

/** Two directions that run until both have ended, or one fails: see `relay()`. */
export class DuplexRelay {
  readonly #first: End;
  readonly #second: End;
  readonly #lingerMs: number | undefined;
  #lingerTimer: ReturnType<typeof setTimeout> | undefined;
  #dropTimer: ReturnType<typeof setTimeout> | undefined;
  #failure: { readonly reason: unknown } | undefined;

  /** @param lingerMs See `RelayOptions`. */
  constructor(
    a: Duplex | Deno.Conn,
    b: Duplex | Deno.Conn,
    lingerMs: number | undefined,
  ) {
    this.#first = endOf(a);
    try {
      this.#second = endOf(b);
    } catch (error) {
      stop(this.#first, error);
      throw error;
    }
    this.#lingerMs = lingerMs;
  }

  /**
   * Copies until both directions have ended.
   *
   * @throws the first error of any side, or the reason that it was failed with.
   */
  async run(): Promise<RelayResult> {
    const there = new Direction(this.#first.source, this.#second.sink);
    const back = new Direction(this.#second.source, this.#first.sink);
    const copied = this.#copy(there, back);
    await this.#copy(back, there);
    await copied;
    clearTimeout(this.#lingerTimer);
    clearTimeout(this.#dropTimer);
    for (const { idleTimer } of [there, back]) clearTimeout(idleTimer);
    const shut = there.shut ?? back.shut;
    if (shut) this.fail(shut.reason);
    if (this.#failure) throw this.#failure.reason;
    return { bytesToB: there.bytes, bytesToA: back.bytes };
  }

  /** Never rejects: a failure ends the other direction too. */
  async #copy(direction: Direction, opposite: Direction): Promise<void> {
    const { source, sink } = direction;
    const shut = (reason: unknown) => this.#shut(direction, opposite, reason);
    // Without this, a sink that fails while nothing is to be read goes unnoticed.
    sink.onFailure(shut);
    try {
      while (!this.#failure) {
        let next = source.lend();
        if (next instanceof Promise) {
          direction.isWaiting = true;
          // Its sender is not waited for long once nothing comes back from here.
          const shut = opposite.shut ?? (opposite.isDone && direction.shut);
          if (shut) this.#startIdle(direction, shut.reason);
          next = await next;
          direction.isWaiting = false;
          if (direction.idleTimer) clearTimeout(direction.idleTimer);
        }
        if (!next) break;
        if (direction.shut) {
          if (opposite.isDone) await pause(DROP_PAUSE_MS);
          continue;
        }
        try {
          const writing = sink.write(next);
          if (writing) await writing;
          direction.bytes += next.length;
        } catch (error) {
          shut(error);
        }
        if (this.#lingerTimer !== undefined) this.#linger();
      }
      if (!direction.shut && !this.#failure) {
        try {
          await sink.end();
        } catch (error) {
          shut(error);
        }
      }
    } catch (error) {
      this.fail(error);
    }
    direction.isDone = true;
    if (opposite.shut) this.#drop(opposite, direction, opposite.shut.reason);
    if (!this.#failure) this.#linger();
  }

  /** Its sink takes no more. What comes the other way may be all there already. */
  #shut(direction: Direction, opposite: Direction, reason: unknown): void {
    if (this.#failure || direction.shut) return;
    direction.shut = { reason };
    if (isClosedHere(reason)) return this.fail(reason);
    if (opposite.isDone) return this.#drop(direction, opposite, reason);
    if (opposite.shut) return this.fail(opposite.shut.reason);
    if (opposite.isWaiting) this.#startIdle(opposite, reason);
    this.#linger();
  }

  /**
   * The opposite has ended, and this direction's sink takes no more. A socket
   * that is closed with something unread discards what the kernel has still to
   * send: it is read until it ends, is silent, or has had its time.
   */
  #drop(direction: Direction, opposite: Direction, reason: unknown): void {
    const isSocket = opposite.sink instanceof SocketEnd;
    if (this.#failure || direction.isDone || !isSocket) {
      return this.fail(reason);
    }
    const ms = DROP_MS + Math.min(opposite.bytes, MOST_UNSENT) / SLOW_RATE;
    this.#dropTimer = setTimeout(() => this.fail(reason), ms);
    if (direction.isWaiting) this.#startIdle(direction, reason);
  }

  #startIdle(direction: Direction, reason: unknown): void {
    direction.idleTimer = setTimeout(() => {
      if (direction.source.isHolding) this.#startIdle(direction, reason);
      else this.fail(reason);
    }, IDLE_MS);
  }

  /** Ends both directions now; only the first reason counts. */
  fail(reason: unknown): void {
    if (this.#failure) return;
    this.#failure = { reason };
    stop(this.#first, reason);
    stop(this.#second, reason);
  }

  /** One direction has ended, and the other is alive. */
  #linger(): void {
    if (this.#lingerMs === undefined) return;
    clearTimeout(this.#lingerTimer);
    this.#lingerTimer = setTimeout(() => {
      if (this.#first.source.isHolding || this.#second.source.isHolding) {
        return this.#linger();
      }
      this.fail(
        new RForwardError(
          "channel-closed",
          `one side had ended and the other was silent for ${this.#lingerMs} ms`,
        ),
      );
    }, this.#lingerMs);
  }
}
