import { checkBind } from "../../ssh/bind.ts";
import type { Bind, UnixBind } from "../../ssh/connection.ts";

/** Where the server is to listen: on a TCP port, or on a Unix socket of its own. */
export type BindOptions =
  | {
    /**
     * The bind address (RFC 4254 section 7.1), `127.0.0.1` by default. Any
     * other than a loopback address needs sshd's `GatewayPorts`.
     */
    address?: string;
    /** The port, or 0 to let the server choose. */
    port: number;
  }
  | UnixBind;

/**
 * @returns the bind with its defaults.
 * @throws {ArgumentError} if it cannot be asked for.
 */
export function toBind(options: BindOptions): Bind {
  const bind = typeof options === "object" && options && !("path" in options)
    ? { address: options.address ?? "127.0.0.1", port: options.port }
    : options;
  checkBind(bind);
  return { ...bind };
}
