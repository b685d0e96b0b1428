import { setImmediate, setTimeout } from "node:timers/promises";
import { startTcpServer } from "./tcp_server.ts";

/** Options of {@linkcode startProxy}. */
export interface ProxyOptions {
  /** Passes on what arrives in pieces of at most this many bytes, each by itself. */
  slice?: number;
  /** How long each piece is on its way, in milliseconds. */
  delayMs?: number;
}

/** A TCP proxy that behaves like a bad network. */
export interface Proxy extends AsyncDisposable {
  readonly hostname: string;
  readonly port: number;
  /** Drops everything from now on, silently, like a cable that was pulled. */
  freeze(): void;
  /** Resumes after a freeze. */
  thaw(): void;
  /** Flips one bit of the next bytes. */
  corrupt(): void;
  /** Closes all connections. */
  cut(): void;
}

/** Starts a proxy on loopback. */
export function startProxy(
  to: { hostname: string; port: number },
  { slice = 128 * 1024, delayMs = 0 }: ProxyOptions = {},
): Proxy {
  const live = new Set<() => void>();
  let frozen: PromiseWithResolvers<void> | undefined;
  let corrupting = false;

  async function pump(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(slice);
    let sliced = slice < 1024 ? 0 : Infinity;
    for (let n; (n = await from.read(buffer)) !== null;) {
      // Time for the receiver to read it before more comes: certainly for the
      // first pieces, which hold its greeting, and soon enough for the rest.
      if (delayMs > 0) await setTimeout(delayMs);
      else if (sliced++ < 100) await setTimeout(1);
      else await setImmediate();
      await frozen?.promise;
      if (corrupting) buffer[0]! ^= 1;
      corrupting = false;
      for (let done = 0; done < n;) {
        done += await to.write(buffer.subarray(done, n));
        await frozen?.promise;
      }
    }
    await frozen?.promise;
    await to.closeWrite();
  }

  const server = startTcpServer(async (client) => {
    using upstream = await Deno.connect({
      hostname: to.hostname,
      port: to.port,
    });
    client.setNoDelay();
    upstream.setNoDelay();
    const cut = Promise.withResolvers<void>();
    live.add(cut.resolve);
    const passing = Promise.all([
      pump(client, upstream),
      pump(upstream, client),
    ]);
    passing.catch(() => {}); // once it is cut
    await Promise.race([passing, cut.promise]);
    live.delete(cut.resolve);
  });

  function thaw(): void {
    frozen?.resolve();
    frozen = undefined;
  }
  return {
    hostname: server.hostname,
    port: server.port,
    freeze: () => void (frozen ??= Promise.withResolvers()),
    thaw,
    corrupt: () => void (corrupting = true),
    cut: () => live.forEach((end) => end()),
    async [Symbol.asyncDispose]() {
      thaw();
      live.forEach((end) => end());
      await server[Symbol.asyncDispose]();
    },
  };
}
