import { connect } from "../../src/ssh/connect.ts";
import type { SshConnection } from "../../src/ssh/connection.ts";
import { type CommandHandler, startTestServer } from "../../src/testing/mod.ts";
import { loginOptions } from "../servers/login_options.ts";

/** Runs commands here, as a login shell with such a `.bashrc` would. */
export function shell(bashrc = ""): CommandHandler {
  return async (command, { stdin, stdout, stderr, signal }) => {
    await using child = new Deno.Command("setsid", {
      args: ["sh", "-c", bashrc + command],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    // With all that it has started.
    const kill = () => Deno.kill(-child.pid, "SIGKILL");
    signal.addEventListener("abort", kill);
    try {
      const [{ code }] = await Promise.all([
        child.status,
        stdin.pipeTo(child.stdin).catch(() => {}),
        child.stdout.pipeTo(stdout).catch(() => {}),
        child.stderr.pipeTo(stderr).catch(() => {}),
      ]);
      return code;
    } finally {
      signal.removeEventListener("abort", kill);
    }
  };
}

/** Has such a server and a connection to it for a while. */
export async function withServer(
  exec: CommandHandler,
  work: (connection: SshConnection) => Promise<void>,
): Promise<void> {
  await using server = await startTestServer({ exec });
  await using connection = await connect(loginOptions(server));
  await work(connection);
}
