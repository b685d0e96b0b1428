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

/** Options of {@linkcode relay}. */
export interface RelayOptions {
  /** Ends both directions at once. */
  signal?: AbortSignal;
  /**
   * How long one direction may be silent after the other has ended, in
   * milliseconds. No limit by default: SSH cannot tell a peer that only stopped
   * sending from one that is gone.
   */
  lingerMs?: number;
}

/** How many bytes went each way. */
export interface RelayResult {
  /** From `a` to `b`. */
  bytesToB: number;
  /** From `b` to `a`. */
  bytesToA: number;
}

/**
 * Copies `a` to `b` and `b` to `a` until both have ended.
 *
 * The directions are independent: the EOF of one closes the writer on the other
 * side, while the opposite direction continues. An error or an abort on any side
 * ends both; but where a side takes no more, because it was closed or reset,
 * what it had sent before is delivered first, as `ssh` does it. A chunk is read
 * only when the other side is ready to take it, so a slow reader slows down the
 * writer.
 *
 * Between a channel and a `Deno.Conn` bytes move without their Web Streams,
 * which are locked meanwhile.
 *
 * A `Deno.Conn` can be given as it is: half-close works, unlike with its own two
 * streams (denoland/deno#22258), and it is closed at the end.
 *
 * @returns the bytes of each direction, once both are done.
 * @throws the first error of any side, or the signal's reason.
 *
 * @example
 * ```ts
 * import { relay } from "@x2go/rforward";
 *
 * const here = new TransformStream<Uint8Array<ArrayBuffer>>();
 * const there = new TransformStream<Uint8Array<ArrayBuffer>>();
 * const hello = new Blob(["hello"]).stream();
 * const world = new Blob(["world!"]).stream();
 * const [result, said] = await Promise.all([
 *   relay(
 *     { readable: hello, writable: there.writable },
 *     { readable: world, writable: here.writable },
 *   ),
 *   new Response(here.readable).text(),
 *   new Response(there.readable).text(),
 * ]);
 * console.log(result, said); // { bytesToB: 5, bytesToA: 6 } "hello"
 * ```
 *
 * @example A connection that was accepted on the server, to a service here
 * ```ts ignore
 * import { connect, listen, relay } from "@x2go/rforward";
 *
 * await using connection = await connect({
 *   hostname: "server.example",
 *   user: "alice",
 *   agent: true,
 * });
 * await using listener = await listen(connection, { port: 8022 });
 * for await (const conn of listener) {
 *   const service = await Deno.connect({ port: 22 });
 *   relay(conn, service).catch(console.error);
 * }
 * ```
 */
export async function relay(
  a: Duplex | Deno.Conn,
  b: Duplex | Deno.Conn,
  { signal, lingerMs }: RelayOptions = {},
): Promise<RelayResult> {
  const first = endOf(a);
  let second: End;
  try {
    second = endOf(b);
  } catch (error) {
    stop(first, error);
    throw error;
  }
  return await new Relay(first, second, lingerMs).run(signal);
}

/** How long a side that takes no more may send nothing until both directions end, in milliseconds. */
const IDLE_MS = 250;

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

/** One direction. */
class Direction {
  /** Whether its source has nothing to read at the moment. */
  isWaiting = false;
  /** Why its sink takes no more; what is read for it is dropped. */
  shut: { readonly reason: unknown } | undefined;
  isDone = false;

  constructor(readonly source: ByteSource, readonly sink: ByteSink) {}
}

/** Two directions that run until both have ended, or one fails. */
class Relay {
  readonly #first: End;
  readonly #second: End;
  readonly #lingerMs: number | undefined;
  #lingerTimer: ReturnType<typeof setTimeout> | undefined;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;
  #failure: { readonly reason: unknown } | undefined;

  constructor(first: End, second: End, lingerMs: number | undefined) {
    this.#first = first;
    this.#second = second;
    this.#lingerMs = lingerMs;
  }

  async run(signal: AbortSignal | undefined): Promise<RelayResult> {
    const there = new Direction(this.#first.source, this.#second.sink);
    const back = new Direction(this.#second.source, this.#first.sink);
    const onAbort = () => this.#fail(signal!.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    const [bytesToB, bytesToA] = await Promise.all([
      this.#copy(there, back),
      this.#copy(back, there),
    ]);
    clearTimeout(this.#lingerTimer);
    clearTimeout(this.#idleTimer);
    signal?.removeEventListener("abort", onAbort);
    if (this.#failure) throw this.#failure.reason;
    return { bytesToB, bytesToA };
  }

  /** Never rejects: a failure ends the other direction too. */
  async #copy(direction: Direction, opposite: Direction): Promise<number> {
    const { source, sink } = direction;
    const shut = (reason: unknown) => this.#shut(direction, opposite, reason);
    let bytes = 0;
    // Without this, a sink that fails while nothing is to be read goes unnoticed.
    sink.onFailure(shut);
    try {
      while (!this.#failure) {
        let next = source.lend();
        if (next instanceof Promise) {
          direction.isWaiting = true;
          if (opposite.shut) this.#startIdle(source, opposite.shut.reason);
          next = await next;
          direction.isWaiting = false;
          if (opposite.shut) clearTimeout(this.#idleTimer);
        }
        if (!next) break;
        if (direction.shut) continue;
        try {
          const writing = sink.write(next);
          if (writing) await writing;
          bytes += next.length;
        } catch (error) {
          shut(error);
        }
        if (this.#lingerTimer !== undefined) this.#linger();
      }
      if (!direction.shut && !this.#failure) await sink.end();
    } catch (error) {
      this.#fail(error);
    }
    direction.isDone = true;
    if (opposite.shut) this.#fail(opposite.shut.reason);
    if (!this.#failure) this.#linger();
    return bytes;
  }

  /** Its sink takes no more. What comes the other way may be all there already. */
  #shut(direction: Direction, opposite: Direction, reason: unknown): void {
    if (this.#failure || direction.shut) return;
    direction.shut = { reason };
    if (opposite.isDone || isClosedHere(reason)) return this.#fail(reason);
    if (opposite.shut) return this.#fail(opposite.shut.reason);
    if (opposite.isWaiting) this.#startIdle(opposite.source, reason);
    this.#linger();
  }

  #startIdle(source: ByteSource, reason: unknown): void {
    this.#idleTimer = setTimeout(() => {
      if (source.isHolding) this.#startIdle(source, reason);
      else this.#fail(reason);
    }, IDLE_MS);
  }

  #fail(reason: unknown): void {
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
      this.#fail(
        new RForwardError(
          "channel-closed",
          `one side had ended and the other was silent for ${this.#lingerMs} ms`,
        ),
      );
    }, this.#lingerMs);
  }
}
