import { Deadline } from "../../abort.ts";
import { ChannelError, ForwardDeniedError } from "../../errors.ts";
import { formatBind, isTcp } from "../../ssh/bind.ts";
import type { Bind, SshConnection, TcpBind } from "../../ssh/connection.ts";
import { serverKind } from "../../ssh/server_kind.ts";
import { openOnServer } from "./look_at.ts";
import { addressesOf } from "./reach.ts";

/**
 * Why a server denied a bind: `in-use`, the port is in use; `prohibited`, it
 * binds nothing for this user, or not this port; `unknown`, it does not let us
 * find out.
 */
export type DenialReason = "in-use" | "prohibited" | "unknown";

/** Only root may bind ports below it. */
const PRIVILEGED = 1024;

/** How long a program that listens may take to answer, in milliseconds. */
const ANSWER_MS = 5000;

/**
 * Finds out why a server denied a bind. SSH has only a bare failure for that
 * (RFC 4254 section 7.1), so this looks at a message, as OpenSSH sends one, at
 * whether anything answers there, and whether the server binds another port.
 *
 * @param connection The connection of the request.
 * @param bind What was denied.
 * @param denied The error of the request.
 * @param signal Aborts it.
 */
export async function whyDenied(
  connection: SshConnection,
  bind: Bind,
  denied: ForwardDeniedError,
  signal: AbortSignal,
): Promise<DenialReason> {
  if (denied.serverSays || isTcp(bind) && bind.port === 0) return "prohibited";
  // A tunnel service has no ports to look at, and another forward is another address that it gives out.
  if (serverKind(connection.server) === "go") return "unknown";
  for (const address of addressesOf(bind)) {
    using deadline = new Deadline(ANSWER_MS, signal);
    deadline.start(() => new TimeOver());
    try {
      const channel = await openOnServer(
        connection,
        bind,
        address,
        deadline.signal,
      );
      channel.close();
      return "in-use";
    } catch (error) {
      if (error instanceof TimeOver) return "unknown";
      if (!(error instanceof ChannelError) || connection.signal.aborted) {
        throw error;
      }
    }
  }
  // A stale file is the most likely obstacle for a socket.
  if (!isTcp(bind)) return "unknown";
  if (!await bindsAnother(connection, bind.hostname)) return "prohibited";
  const mayNot = isPrivileged(bind) && connection.server.user !== "root";
  return mayNot ? "prohibited" : "unknown";
}

/**
 * An error with the one reason that {@linkcode whyDenied} has found; with all
 * possible reasons if it has not.
 */
export function denialError(
  bind: Bind,
  reason: DenialReason,
  denied: ForwardDeniedError,
): ForwardDeniedError {
  const { serverSays } = denied;
  const message = reason === "in-use"
    ? `${
      formatBind(bind)
    } on the server is in use, perhaps by our own last session`
    : reason === "prohibited" && !serverSays && isPrivileged(bind)
    ? `only root may listen on port ${bind.port} of the server`
    : undefined;
  return message === undefined
    ? denied
    : new ForwardDeniedError(bind, message, { cause: denied, serverSays });
}

/** Whether only root may bind a port, where the server is a Unix. */
function isPrivileged(bind: Bind): bind is TcpBind {
  return isTcp(bind) && bind.port > 0 && bind.port < PRIVILEGED;
}

/**
 * Whether another session still holds a port at one of these addresses. This
 * requests each address instead of connecting to it: a connection would make
 * sshd 9.2 believe that the client of that session is alive.
 *
 * @param bind What was asked for.
 * @param addresses Where another program was found.
 * @returns false also if it cannot be determined.
 */
export async function isHeld(
  connection: SshConnection,
  bind: Bind,
  addresses: readonly string[],
): Promise<boolean> {
  // Other servers may not be able to release what they bind.
  if (!isTcp(bind) || serverKind(connection.server) !== "openssh") return false;
  for (const hostname of addresses) {
    try {
      const part = { hostname, port: bind.port };
      await connection.cancelForward(await connection.requestForward(part));
    } catch (error) {
      if (!(error instanceof ForwardDeniedError)) throw error;
      // The part alone may be prohibited.
      return error.serverSays === undefined;
    }
  }
  return false;
}

class TimeOver extends Error {}

async function bindsAnother(
  connection: SshConnection,
  hostname: string,
): Promise<boolean> {
  // OpenSSH would have said that it does not, and dropbear before 2026.90 could
  // not let go of the port again.
  if (["openssh", "dropbear"].includes(serverKind(connection.server))) {
    return true;
  }
  try {
    const other = await connection.requestForward({ hostname, port: 0 });
    await connection.cancelForward(other);
    return true;
  } catch (error) {
    if (error instanceof ForwardDeniedError) return false;
    throw error;
  }
}
