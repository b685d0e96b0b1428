import { ArgumentError } from "../../errors.ts";
import type { SshConnection } from "../../ssh/connection.ts";

/** @throws {ArgumentError} for what is not a connection, such as the promise of one. */
export function checkConnection(connection: SshConnection): void {
  if (typeof connection?.requestForward === "function") return;
  throw new ArgumentError(
    "connection",
    (connection as unknown) instanceof Promise
      ? "is a promise; await it first"
      : "is not an SSH connection; use what connect() resolves to",
  );
}
