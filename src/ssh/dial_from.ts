import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { connect } from "node:net";
import { Readable, Writable } from "node:stream";
import type { Dial } from "./transport.ts";

/**
 * Reaches servers from one address of this machine (ssh_config(5),
 * `BindAddress`), which `Deno.connect` cannot be told.
 *
 * @param local The address, or a name of it.
 * @param family Takes only addresses of it; either by default.
 */
export function dialFrom(local: string, family: 0 | 4 | 6 = 0): Dial {
  return async ({ host, port, signal }) => {
    const from = await lookup(local, { family });
    signal.throwIfAborted();
    const socket = connect({
      host,
      port,
      localAddress: from.address,
      family: from.family,
      noDelay: true,
      keepAlive: true,
    });
    try {
      await once(socket, "connect", { signal });
    } catch (error) {
      socket.destroy();
      throw error;
    }
    return {
      readable: Readable.toWeb(socket),
      writable: Writable.toWeb(socket),
      close: () => void socket.destroy(),
    };
  };
}
