import { checkBind } from "../../ssh/bind.ts";
import type { Bind, UnixBind } from "../../ssh/connection.ts";
import { checkKeys } from "../../validate.ts";

/** Where the server is to listen: on a TCP port, or on a Unix socket. */
export type BindOptions =
  | {
    /**
     * The bind address (RFC 4254 section 7.1). Any other than a loopback
     * address needs sshd's `GatewayPorts`.
     *
     * @default {"127.0.0.1"}
     */
    hostname?: string;
    /** The port, or 0 to let the server choose. */
    port: number;
  }
  | UnixBind;

/**
 * @returns the bind with its defaults.
 * @throws {ArgumentError} if it cannot be asked for.
 */
export function toBind(options: BindOptions): Bind {
  const isObject = typeof options === "object" && options !== null;
  const bind = isObject ? withDefaults(options) : options;
  checkBind(bind);
  checkKeys("bind", options, Object.keys(bind), [
    "transport", // of Deno's addresses, such as `listener.addr`
  ]);
  return bind;
}

function withDefaults(options: BindOptions): Bind {
  return "path" in options
    ? { path: options.path }
    : { hostname: options.hostname ?? "127.0.0.1", port: options.port };
}
