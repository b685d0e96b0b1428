import { Deadline } from "../../deadline.ts";
import { ChannelError, ForwardDeniedError } from "../../errors.ts";
import { formatBind, isTcp } from "../../ssh/bind.ts";
import type { Bind, SshConnection, TcpBind } from "../../ssh/connection.ts";
import { serverKind } from "../../ssh/server_kind.ts";
import { openOnServer } from "./look_at.ts";
import { addressesOf } from "./reach.ts";

/**
 * Why a server would not bind: `taken`, somebody listens there; `prohibited`,
 * it binds nothing for this user, or not this port; `unknown`, it does not let
 * us find out.
 */
export type Refusal = "taken" | "prohibited" | "unknown";

/** Ports below it are root's. */
const PRIVILEGED = 1024;

/** How long whoever listens may take to answer, in milliseconds. */
const ANSWER_MS = 5000;

/**
 * Finds out why a server would not bind, which SSH has no words for (RFC 4254
 * section 7.1: a bare failure): whether it says so all the same, as OpenSSH
 * does, whether anybody answers there, and whether it would bind another port.
 *
 * @param connection The connection that it was asked on.
 * @param bind What it refused.
 * @param denied How it did.
 * @param signal Gives up.
 */
export async function whyRefused(
  connection: SshConnection,
  bind: Bind,
  denied: ForwardDeniedError,
  signal: AbortSignal,
): Promise<Refusal> {
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
      return "taken";
    } catch (error) {
      if (error instanceof TimeOver) return "unknown";
      if (!(error instanceof ChannelError) || connection.signal.aborted) {
        throw error;
      }
    }
  }
  // What stands in the way of a socket is most often a stale file.
  if (!isTcp(bind)) return "unknown";
  if (!await bindsAnother(connection, bind.address)) return "prohibited";
  const mayNot = isPrivileged(bind) && connection.server.user !== "root";
  return mayNot ? "prohibited" : "unknown";
}

/**
 * The one reason for a refusal, where {@linkcode whyRefused} has found it out;
 * otherwise all that it may be.
 */
export function refusalError(
  bind: Bind,
  why: Refusal,
  denied: ForwardDeniedError,
): ForwardDeniedError {
  const { serverSays } = denied;
  const reason = why === "taken"
    ? `${
      formatBind(bind)
    } on the server is in use, perhaps by our own last session`
    : why === "prohibited" && !serverSays && isPrivileged(bind)
    ? `only root may listen on port ${bind.port} of the server`
    : undefined;
  return reason === undefined
    ? denied
    : new ForwardDeniedError(bind, reason, { cause: denied, serverSays });
}

/** Whether only root may bind a port, where the server is a Unix. */
function isPrivileged(bind: Bind): bind is TcpBind {
  return isTcp(bind) && bind.port > 0 && bind.port < PRIVILEGED;
}

/**
 * Whether somebody still holds a port at one of these addresses. He is not
 * connected to, as sshd 9.2 takes that for a sign that a client is alive which
 * it would soon miss; it is asked for each address instead.
 *
 * @param bind What was asked for.
 * @param addresses Where somebody else was found.
 * @returns false too if that cannot be told.
 */
export async function isHeld(
  connection: SshConnection,
  bind: Bind,
  addresses: readonly string[],
): Promise<boolean> {
  // Whoever else says yes to a part may not be able to let go of that part.
  if (!isTcp(bind) || serverKind(connection.server) !== "openssh") return false;
  for (const address of addresses) {
    try {
      const part = { address, port: bind.port };
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
  address: string,
): Promise<boolean> {
  // OpenSSH would have said that it does not, and dropbear before 2026.90 could
  // not let go of the port again.
  if (["openssh", "dropbear"].includes(serverKind(connection.server))) {
    return true;
  }
  try {
    const other = await connection.requestForward({ address, port: 0 });
    await connection.cancelForward(other);
    return true;
  } catch (error) {
    if (error instanceof ForwardDeniedError) return false;
    throw error;
  }
}
