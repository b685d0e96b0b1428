import { onAbort } from "../abort.ts";
import {
  ArgumentError,
  ConnectionLostError,
  RForwardError,
} from "../errors.ts";
import { formatAddress } from "../text/format_address.ts";
import { establish } from "./connect.ts";
import type { SshConnection } from "./connection.ts";
import type { ConnectOptions } from "./connect_options.ts";
import type { ClientConnection } from "./channels/client_connection.ts";
import type { DialRequest, Transport } from "./dial/transport.ts";
import {
  type Direct,
  directSink,
  directSource,
  takeSink,
  takeSource,
} from "../streams/direct.ts";

/**
 * Connects to a server by way of others, as `ssh` does with `ProxyJump`: to
 * the first hop by TCP or its own `dial`, from there to the second, and so on.
 * Each hop's host key is verified, and each has its own login; no hop can read
 * or change what goes to the next.
 *
 * Closing the connection closes those behind it. Losing one of them ends it
 * with an error that names the hop.
 *
 * @param hops Where to, in order; the last is the server.
 * @returns the connection to the last.
 * @throws {ArgumentError} if there are no hops, or one but the first has a `dial`.
 * @throws what {@linkcode connect} throws, with the hop named in front.
 *
 * @example
 * ```ts
 * import { connectThrough } from "@x2go/rforward";
 * import { startTestServer } from "@x2go/rforward/testing";
 *
 * await using bastion = await startTestServer();
 * await using server = await startTestServer();
 * const hops = [bastion, server].map((
 *   { hostname, port, user, password, knownHosts },
 * ) => ({ hostname, port, user, password, hostKeys: { text: knownHosts } }));
 *
 * await using connection = await connectThrough(hops);
 * console.log(connection.server.port === server.port); // true
 * ```
 */
export async function connectThrough(
  hops: readonly ConnectOptions[],
): Promise<SshConnection> {
  if (!Array.isArray(hops) || hops.length === 0) {
    throw new ArgumentError("hops", "use a list of at least one server");
  }
  for (const [i, { dial }] of hops.entries()) {
    if (i === 0 || dial === undefined) continue;
    throw new ArgumentError(
      `hops[${i}].dial`,
      "has to be left out: the hop before it reaches this one",
    );
  }
  if (hops.length === 1) return await establish(hops[0]!);
  const chain = new Chain();
  try {
    for (const hop of hops) await chain.add(hop);
    return chain.last!;
  } catch (error) {
    await chain.last?.close();
    throw error;
  }
}

/** A chain of connections, each carried by the one before. */
class Chain {
  /** The connection to the last hop so far; it owns those before it. */
  last: ClientConnection | undefined;
  #size = 0;
  /** Which hop was lost first: those after it end with it. */
  #lost: ConnectionLostError | undefined;

  /** Connects to the next hop. */
  async add(hop: ConnectOptions): Promise<void> {
    const via = this.last;
    const address = formatAddress(hop.hostname, hop.port ?? 22);
    const name = `hop ${++this.#size} (${hop.user}@${address})`;
    try {
      this.last = await establish(
        via ? { ...hop, dial: (to) => open(via, to) } : hop,
      );
    } catch (error) {
      hop.signal?.throwIfAborted();
      if (this.#lost) throw this.#lost;
      if (error instanceof RForwardError) {
        error.message = `${name}: ${error.message}`;
      }
      throw error;
    }
    onAbort(this.last.signal, (reason) => this.#onEnd(name, reason));
  }

  #onEnd(name: string, cause: unknown): void {
    if (!(cause instanceof ConnectionLostError)) return;
    this.#lost ??= new ConnectionLostError(
      `${name} was lost: ${cause.message}`,
      { cause },
    );
    this.last?.fail(this.#lost);
  }
}

/** Opens the way from one hop to the next, which then owns it. */
async function open(
  via: SshConnection,
  { hostname, port, signal }: DialRequest,
): Promise<Transport & Direct> {
  const channel = await via.openDirect(hostname, port, { signal });
  return {
    get readable() {
      return channel.readable;
    },
    get writable() {
      return channel.writable;
    },
    [takeSource]: () => directSource(channel),
    [takeSink]: () => directSink(channel),
    close: () => via.close(),
  };
}
