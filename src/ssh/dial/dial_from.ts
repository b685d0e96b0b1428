import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { connect } from "node:net";
import { Readable, Writable } from "node:stream";
import { mayNot } from "../../permissions.ts";
import { ConnectError } from "../../errors.ts";
import { formatAddress } from "../../text/format_address.ts";
import type { Dial } from "./transport.ts";

/**
 * Reaches servers from one address of this machine (ssh_config(5),
 * `BindAddress`), which `Deno.connect` does not support.
 *
 * @param local The address, or a name of it.
 * @param family Takes only addresses of it; either by default.
 */
export function dialFrom(local: string, family: 0 | 4 | 6 = 0): Dial {
  return async ({ hostname, port, signal }) => {
    const from = await lookup(local, { family });
    await askToBind(from.address, { hostname, port });
    signal.throwIfAborted();
    const socket = connect({
      host: hostname,
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

/** Without permission node:net throws where it cannot be caught (measured with Deno 2.9.6). */
async function askToBind(
  address: string,
  where: { hostname: string; port: number },
): Promise<void> {
  const host = formatAddress(address, 0);
  const { state } = await Deno.permissions.request({ name: "net", host });
  if (state === "granted") return;
  throw new ConnectError(
    "permission-denied",
    where,
    mayNot(`connect from ${address}`, `--allow-net=${host}`),
  );
}
