import { ForwardDeniedError } from "../errors.ts";
import { formatBind, isTcp } from "./bind.ts";
import type { Bind } from "./connection.ts";
import type { ServerKind } from "./server_kind.ts";

/**
 * The error of a forward that the server denied, which SSH has no reasons for:
 * what may be wrong, in the words of this kind of server.
 *
 * @param bind What was asked.
 * @param said What the server said before it denied, if anything.
 */
export function forwardDenied(
  bind: Bind,
  said: string | undefined,
  kind: ServerKind,
): ForwardDeniedError {
  const serverSays = said !== undefined && isAboutForwarding(said)
    ? said
    : undefined;
  const forbids = forbidding(bind, kind);
  return new ForwardDeniedError(
    bind,
    `the server would not listen on ${formatBind(bind)}: ${
      serverSays === undefined
        ? `${obstacle(bind, kind)}, or ${forbids}`
        : `it says ${JSON.stringify(serverSays)}, so ${forbids}`
    }`,
    { serverSays },
  );
}

/** Right after the login sshd says what `FILE:LINE:` of authorized_keys allows, which does not answer the request. */
function isAboutForwarding(said: string): boolean {
  return /forwarding/i.test(said) && !/:\d+: /.test(said);
}

function obstacle(bind: Bind, kind: ServerKind): string {
  if (!isTcp(bind)) {
    return kind === "openssh"
      ? "the path may not be writable, or exist already (sshd leaves its sockets behind; to remove a stale one set unlinkStale, or -o StreamLocalBindUnlink=yes)"
      : "it may not forward Unix sockets, or the path may exist already or not be writable";
  }
  return kind === "go"
    ? "the port or name may be taken, or not be one of those that it gives out"
    : "the port may be in use, or be below 1024, which takes root";
}

function forbidding(bind: Bind, kind: ServerKind): string {
  switch (kind) {
    case "openssh": {
      const settings = isTcp(bind)
        ? "AllowTcpForwarding, PermitListen"
        : "AllowStreamLocalForwarding, AllowTcpForwarding";
      return `sshd's configuration or the key's line in authorized_keys forbids it (${settings}, restrict)`;
    }
    case "dropbear":
      return "dropbear was started with -k, or the key's line in authorized_keys forbids it (no-port-forwarding, restrict)";
    default:
      return "the server does not forward for this user";
  }
}
