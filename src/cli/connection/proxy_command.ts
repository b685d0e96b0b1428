import { runDenoWith } from "../../permissions.ts";
import { ConnectError } from "../../errors.ts";
import type { DialRequest, Transport } from "../../ssh/dial/transport.ts";

/** Runs `$0` in the user's shell. sh sets the signal, since not all shells can ignore one. */
const RUN = `trap '' INT; exec "\${SHELL:-/bin/sh}" -c "$0"`;

/** How long the command may take to end after SIGHUP, in milliseconds. */
const END_MS = 2000;

/**
 * Reaches a server through a command whose standard input and output are the
 * connection (ssh_config(5), `ProxyCommand`), run by the user's shell. Its
 * standard error is inherited.
 *
 * It ignores Ctrl-C, after which live connections may go on for a while; it
 * ends when the transport is closed.
 *
 * @throws {ConnectError} if it cannot be run.
 */
export function dialByCommand(
  command: string,
  { hostname, port, signal }: DialRequest,
): Transport {
  signal.throwIfAborted();
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command("/bin/sh", {
      // exec replaces each shell, so that the signal reaches the command itself.
      args: ["-c", RUN, `exec ${command}`],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
  } catch (cause) {
    const isDenied = cause instanceof Deno.errors.NotCapable;
    const why = isDenied
      ? runDenoWith("--allow-run=/bin/sh")
      : (cause as Error).message;
    throw new ConnectError(
      isDenied ? "permission-denied" : "connect-failed",
      { hostname, port },
      `the ProxyCommand could not be run: ${why}`,
      { cause },
    );
  }
  return {
    readable: child.stdout,
    writable: child.stdin,
    async close() {
      const kill = (signal: Deno.Signal) => {
        try {
          child.kill(signal);
        } catch {
          // It has ended by itself.
        }
      };
      kill("SIGHUP");
      const timer = setTimeout(() => kill("SIGKILL"), END_MS);
      await child.status;
      clearTimeout(timer);
    },
  };
}
