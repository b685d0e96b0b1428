import { Deadline } from "../../abort.ts";
import { ChannelError } from "../../errors.ts";
import { quote } from "../../quote.ts";
import type { SshConnection } from "../../ssh/connection.ts";

/** How long the server may take over it, in milliseconds: its user's shell may hang. */
const MOST_MS = 5000;

/**
 * Removes a Unix socket on the server that nothing listens on. sshd leaves it
 * behind, even after it was released, and then denies to bind it again
 * (sshd_config(5): `StreamLocalBindUnlink`). A server that does not allow
 * connections to its sockets (`AllowStreamLocalForwarding remote`) answers as if
 * nothing listened, so Linux's list of open sockets is read too.
 *
 * @returns whether there was one and it was removed. False too where the user may
 * not run commands.
 */
export async function removeStaleSocket(
  connection: SshConnection,
  path: string,
  signal: AbortSignal,
): Promise<boolean> {
  using deadline = new Deadline(MOST_MS, signal);
  deadline.start(() => new TimeOver());
  try {
    return !await isHeard(connection, path, deadline.signal) &&
      await remove(connection, path, deadline.signal);
  } catch (error) {
    if (error instanceof TimeOver) return false;
    throw error;
  }
}

class TimeOver extends Error {}

/** Whether something listens on it, as far as the server lets us see. */
async function isHeard(
  connection: SshConnection,
  path: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    (await connection.openDirectUnix(path, { signal })).close();
    return true;
  } catch (error) {
    if (error instanceof ChannelError) return false;
    throw error;
  }
}

/** $0 is the path, $1 how its line ends in the list of open sockets (proc(5)). */
const SCRIPT =
  'test -S "$0" || exit; grep -q "$1" /proc/net/unix 2>/dev/null && exit 1; rm -f "$0"';

async function remove(
  connection: SshConnection,
  path: string,
  signal: AbortSignal,
): Promise<boolean> {
  // A path that begins with / cannot be taken for an option.
  const file = path.startsWith("/") ? path : `./${path}`;
  const line = ` ${path.replace(/[\\.*^$[\]]/g, "\\$&")}$`;
  try {
    // Works in every login shell.
    await using rm = await connection.exec(
      ["sh -c", ...[SCRIPT, file, line].map(quote)].join(" "),
      { signal },
    );
    return (await rm.output()).success;
  } catch (error) {
    if (error instanceof ChannelError) return false;
    throw error;
  }
}
