import { quote } from "../quote.ts";
import { ChannelError } from "../errors.ts";
import type { SshConnection } from "../ssh/connection.ts";

/**
 * Removes a Unix socket on the server that nobody listens on any more. sshd
 * leaves it behind, also where it was released, and then refuses to bind it
 * again (sshd_config(5): `StreamLocalBindUnlink`). A server that connects
 * nobody to its sockets (`AllowStreamLocalForwarding remote`) answers as if
 * nobody listened: there, as by `StreamLocalBindUnlink`, any socket goes.
 *
 * @returns whether there was one, and it is gone. False too where the user may
 * not run commands.
 */
export async function removeStaleSocket(
  connection: SshConnection,
  path: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    (await connection.openDirectUnix(path, { signal })).close();
    return false; // somebody's
  } catch (error) {
    if (!(error instanceof ChannelError)) throw error;
  }
  try {
    // In the words of every shell; a path is no option where it begins with /.
    const file = quote(path.startsWith("/") ? path : `./${path}`);
    await using rm = await connection.exec(
      `test -S ${file} && rm -f ${file}`,
      { signal },
    );
    return (await rm.output()).success;
  } catch (error) {
    if (error instanceof ChannelError) return false;
    throw error;
  }
}
