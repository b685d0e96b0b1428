import { relay } from "../../mod.ts";
import type { SshConnection } from "../../src/ssh/connection.ts";
import { parseTarget } from "./local_forward.ts";

/** The exit status of ssh if a signal ended the command. */
const SIGNALLED = 255;

/** Runs a command with this process's standard input, output and error, as ssh does. */
export async function runCommand(
  connection: SshConnection,
  command: string,
): Promise<number> {
  await using process = await connection.exec(command);
  const ended = new AbortController();
  // The command may end without having read everything.
  const input = Deno.stdin.readable
    .pipeTo(process.stdin, { signal: ended.signal }).catch(() => {});
  await Promise.all([
    process.stdout.pipeTo(Deno.stdout.writable, { preventClose: true }),
    process.stderr.pipeTo(Deno.stderr.writable, { preventClose: true }),
  ]);
  const { code } = await process.status;
  ended.abort();
  void input;
  return code ?? SIGNALLED;
}

/** Connects standard input and output with a port that the server reaches (`-W`). */
export async function runStdioForward(
  connection: SshConnection,
  target: string,
): Promise<number> {
  const { host, port } = parseTarget(target);
  const channel = await connection.openDirect(host, port);
  await relay(channel, {
    readable: Deno.stdin.readable,
    writable: Deno.stdout.writable,
  });
  return 0;
}
