import { ArgumentError } from "../../../errors.ts";
import { shown } from "../../../text/shown.ts";
import { checkHost } from "../../../validate.ts";

/** Where a page is served here. */
export interface ListenAddress {
  /** The address of this machine. */
  readonly hostname: string;
  /** The port; 0 lets the system choose. */
  readonly port: number;
}

/**
 * Reads `[HOST:]PORT`; an IPv6 address has brackets. Without a host it is
 * loopback.
 *
 * @param flag The argument, for the error.
 * @throws {ArgumentError} if it has another form.
 */
export function parseListenAddress(flag: string, text: string): ListenAddress {
  const [, bracketed, host, digits] =
    /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65535) {
    throw new ArgumentError(
      flag,
      `${shown(text)} is not of the form [HOST:]PORT`,
    );
  }
  const hostname = bracketed ?? host ?? "127.0.0.1";
  checkHost(flag, hostname);
  return { hostname, port };
}
