import { ArgumentError } from "../errors.ts";
import { formatAddress } from "../text/format_address.ts";
import { checkHost, checkPort, checkText } from "../validate.ts";
import type { Bind, TcpBind } from "./connection.ts";

/** Whether a bind is a TCP port. */
export function isTcp(bind: Bind): bind is TcpBind {
  return "port" in bind;
}

/** @throws {ArgumentError} if a bind cannot be asked for. */
export function checkBind(bind: Bind, argument = "bind"): void {
  if (typeof bind !== "object" || bind === null) {
    throw new ArgumentError(argument, "use { hostname, port } or { path }");
  }
  if (!isTcp(bind)) return checkText(`${argument}.path`, bind.path, "path");
  checkPort(`${argument}.port`, bind.port, "to let the server choose");
  // "" is an address too: all interfaces.
  if (bind.hostname !== "") checkHost(`${argument}.hostname`, bind.hostname);
}

/** A bind for people. */
export function formatBind(bind: Bind): string {
  return isTcp(bind)
    ? formatAddress(bind.hostname || "*", bind.port)
    : bind.path;
}
