import { onAbort } from "../../abort.ts";
import type { SshConnection } from "../../ssh/connection.ts";
import type { ForwardedConn } from "../tunnel/forwarded_conn.ts";
import { AcceptQueue } from "./accept_queue.ts";
import { takeUnclaimed } from "./take_unclaimed.ts";

/** Connections that belong to no tunnel and no listener, accepted one by one: see {@linkcode acceptUnclaimed}. */
export class UnclaimedConnections
  implements AsyncIterable<ForwardedConn>, Disposable {
  readonly #queue = new AcceptQueue();
  readonly #taking: Disposable;

  /**
   * For {@linkcode acceptUnclaimed}.
   *
   * @ignore
   */
  constructor(connection: SshConnection) {
    this.#taking = takeUnclaimed(connection, (open) => this.#queue.take(open));
    onAbort(
      connection.signal,
      (reason) => this.#queue.close(reason),
      this.#queue.signal,
    );
  }

  /**
   * Waits for the next connection.
   *
   * @param options `signal`: ends the wait; rejects with its reason.
   * @throws {Deno.errors.BadResource} once it is closed.
   * @throws {ConnectionLostError} once the SSH connection is lost.
   */
  accept({ signal }: { signal?: AbortSignal } = {}): Promise<ForwardedConn> {
    return this.#queue.accept(signal);
  }

  /**
   * Accepts no further connections, and refuses those that wait; accepted ones continue. Calling it again has no effect.
   */
  close(): void {
    this.#taking[Symbol.dispose]();
    this.#queue.close(
      new Deno.errors.BadResource("unclaimed connections are not accepted"),
    );
  }

  /** Same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Accepts until it is closed, which leaving the loop does; throws if the SSH connection is lost. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ForwardedConn, void> {
    try {
      yield* this.#queue;
    } finally {
      this.close();
    }
  }
}

/**
 * Accepts the connections that belong to no tunnel and no listener, beside
 * them: those of binds that the program asked for itself. What paramiko's
 * `Transport.accept()` gives.
 *
 * @param connection The SSH connection.
 * @throws {RForwardError} if these connections have a taker already.
 *
 * @example
 * ```ts
 * import { acceptUnclaimed, connect } from "@x2go/rforward";
 * import { startTestServer } from "@x2go/rforward/testing";
 *
 * await using server = await startTestServer();
 * await using connection = await connect({
 *   hostname: server.hostname,
 *   port: server.port,
 *   user: server.user,
 *   password: server.password,
 *   hostKeys: { text: server.knownHosts },
 * });
 * const unclaimed = acceptUnclaimed(connection);
 * const bind = { hostname: "127.0.0.1", port: 0 };
 * const { port } = await connection.requestForward(bind);
 *
 * using client = await Deno.connect({ hostname: server.hostname, port });
 * for await (const conn of unclaimed) {
 *   console.log(conn.localAddr, conn.remoteAddr);
 *   conn.close();
 *   break;
 * }
 * ```
 */
export function acceptUnclaimed(
  connection: SshConnection,
): UnclaimedConnections {
  return new UnclaimedConnections(connection);
}
