import { RForwardError } from "../../errors.ts";
import { borrows, LendingReader } from "../../lending.ts";
import { closeQuietly } from "../../streams/close_quietly.ts";
import type { Duplex } from "../../streams/duplex.ts";
import { socketStreams } from "../../streams/socket_streams.ts";
import { ForwardedConn } from "./forwarded_conn.ts";

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
  /** From the first stream to the second. */
  sent: number;
  /** From the second stream to the first. */
  received: number;
}

/**
 * Copies `a` to `b` and `b` to `a` until both have ended.
 *
 * The directions are independent: the EOF of one closes the writer on the other
 * side, while the opposite direction continues. An error or an abort on any side
 * ends both. A chunk is read only when the other side is ready to take it, so a
 * slow reader slows down the writer.
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
 * console.log(result, said); // { sent: 5, received: 6 } "hello"
 * ```
 *
 * @example A connection that was accepted on the server, to a service here
 * ```ts ignore
 * import { listen, relay } from "@x2go/rforward";
 *
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
  const sockets = [a, b].filter(isSocket);
  const [first, second] = [streamsOf(a), streamsOf(b)];
  const stop = new AbortController();
  const fail = (error: unknown) => stop.abort(error);
  const onAbort = () => fail(signal!.reason);
  if (signal?.aborted) onAbort();
  signal?.addEventListener("abort", onAbort, { once: true });
  const linger = new Linger(lingerMs, fail);
  try {
    const [sent, received] = await Promise.all([
      copy(first.readable, second.writable, stop.signal, fail, linger),
      copy(second.readable, first.writable, stop.signal, fail, linger),
    ]);
    stop.signal.throwIfAborted();
    return { sent, received };
  } finally {
    linger.stop();
    signal?.removeEventListener("abort", onAbort);
    sockets.forEach(closeQuietly);
  }
}

function streamsOf(end: Duplex | Deno.Conn): Duplex {
  return isSocket(end) ? socketStreams(end) : end;
}

/** Whether to use its methods: of Deno's own streams, the first to end closes the other. */
function isSocket(end: Duplex | Deno.Conn): end is Deno.Conn {
  if (!("closeWrite" in end)) return false;
  // Ours do not, but read() and write() may have locked them.
  return !(end instanceof ForwardedConn) ||
    end.readable.locked || end.writable.locked;
}

/** One direction. Never rejects: what goes wrong goes to `fail`, which ends the other one too. */
async function copy(
  from: ReadableStream<Uint8Array>,
  to: WritableStream<Uint8Array>,
  stop: AbortSignal,
  fail: (error: unknown) => void,
  linger: Linger,
): Promise<number> {
  const reader = new LendingReader(from, borrows(to));
  const writer = to.getWriter();
  // Without this, a writer that fails while nothing is to be read goes unnoticed.
  writer.closed.catch(fail);
  const end = () => {
    reader.cancel(stop.reason).catch(fail);
    writer.abort(stop.reason).catch(fail);
  };
  if (stop.aborted) end();
  stop.addEventListener("abort", end, { once: true });
  let bytes = 0;
  try {
    while (true) {
      await writer.ready; // a borrower is done with what it was lent
      const chunk = await reader.read();
      if (!chunk) break;
      writer.write(chunk).catch(fail);
      bytes += chunk.length;
      linger.postpone();
    }
    await writer.close();
  } catch (error) {
    fail(error);
  }
  linger.start();
  return bytes;
}

/** Ends a relay whose second direction is silent for too long. */
class Linger {
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly ms: number | undefined,
    readonly fail: (error: RForwardError) => void,
  ) {}

  /** One direction has ended. */
  start(): void {
    if (this.ms === undefined) return;
    this.stop();
    this.#timer = setTimeout(() =>
      this.fail(
        new RForwardError(
          "channel-closed",
          `one side had ended and the other was silent for ${this.ms} ms`,
        ),
      ), this.ms);
  }

  /** The other direction is alive. */
  postpone(): void {
    if (this.#timer !== undefined) this.start();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
