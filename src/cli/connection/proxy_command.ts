import { runDenoWith } from "../../permissions.ts";
import { ConnectError } from "../../errors.ts";
import type { DialRequest, Transport } from "../../ssh/dial/transport.ts";

/** Has the user's shell run `$0`. Not all shells can be told to ignore a signal. */
const RUN = `trap '' INT; exec "\${SHELL:-/bin/sh}" -c "$0"`;

/** How long the command may take to end once it is told to, in milliseconds. */
const END_MS = 2000;

/**
 * Reaches a server through a command whose standard input and output are the
 * connection (ssh_config(5), `ProxyCommand`); the user's shell runs it. What it
 * says on standard error is shown.
 *
 * Ctrl-C does not reach it: it is up to us when it ends, as connections may
 * still go on for a while.
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
      // Shells give way to the command, so that it is what is killed.
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
