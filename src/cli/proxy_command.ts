import { ConnectError } from "../errors.ts";
import type { DialRequest, Transport } from "../ssh/transport.ts";

/**
 * Reaches a server through a shell command whose standard input and output are
 * the connection (ssh_config(5), `ProxyCommand`). What it says on standard
 * error is shown.
 *
 * @throws {ConnectError} if it cannot be run.
 */
export function dialByCommand(
  command: string,
  { host, port, signal }: DialRequest,
): Transport {
  signal.throwIfAborted();
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command("/bin/sh", {
      // The shell gives way to the command, so that it is what is killed.
      args: ["-c", `exec ${command}`],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotCapable
      ? "run deno with --allow-run=/bin/sh"
      : (cause as Error).message;
    throw new ConnectError(
      "connect-failed",
      { host, port },
      `the ProxyCommand could not be run: ${why}`,
      { cause },
    );
  }
  return {
    readable: child.stdout,
    writable: child.stdin,
    async close() {
      try {
        child.kill("SIGHUP");
      } catch {
        // It has ended by itself.
      }
      await child.status;
    },
  };
}
